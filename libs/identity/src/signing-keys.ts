import { importJWK, type CryptoKey, type JWK } from 'jose';
import { listenTo, readSigningKeys, type Db } from '@conducktor/db';

/** An unknown `kid` may cause one read per this time, however many forged tokens arrive. */
const UNKNOWN_KID_PAUSE_MS = 2_000;
/** Without `follow` a known set is read again after this time. */
const MAX_AGE_MS = 60_000;
/** With `follow`, so often: a key taken out of use is forgotten within a second, told of it or not. */
const POLL_MS = 500;

export interface SigningKeys {
  /** The public key, or undefined when the installation has no such key. Throws when Postgres is needed and away. */
  find(kid: string): Promise<CryptoKey | undefined>;
  /** Whether tokens of this key are accepted, by what was read last. */
  stands(kid: string): boolean;
  /** Keeps the set current until the returned function is called, which must be before `db.end()`. */
  follow(): () => Promise<void>;
}

/** Public signing keys, read from Postgres, so that verification does not need the auth service. */
export function createSigningKeys(deps: { db: Db; now?: () => number }): SigningKeys {
  const now = deps.now ?? Date.now;
  let keys = new Map<string, CryptoKey>();
  let triedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let loading: Promise<void> | undefined;
  let queued: Promise<void> | undefined;

  const load = () => {
    loading ??= readKeys(deps.db, keys)
      .then(
        (read) => {
          keys = read;
          failure = undefined;
        },
        (error: unknown) => {
          failure = error;
        },
      )
      .finally(() => (loading = undefined));
    triedAt = now();
    return loading;
  };
  // For what changed a moment ago: a read that is under way may have missed it.
  const reload = () =>
    (queued ??= Promise.resolve(loading).then(() => {
      queued = undefined;
      return load();
    }));

  return {
    async find(kid) {
      const known = keys.get(kid);
      if (known) {
        // In the background: while Postgres is away the known keys stay good.
        if (now() - triedAt > MAX_AGE_MS) void load();
        return known;
      }
      if (now() - askedAt > UNKNOWN_KID_PAUSE_MS) {
        askedAt = now();
        await reload();
      } else await (queued ?? loading);
      const found = keys.get(kid);
      // Not "no such key": the set could not be read, so nobody knows.
      if (!found && failure) throw failure;
      return found;
    },
    stands: (kid) => keys.has(kid),
    follow() {
      void load();
      const timer = setInterval(() => void load(), POLL_MS);
      timer.unref();
      const deafen = listenTo(deps.db, 'signing_key', () => void reload());
      return async () => {
        clearInterval(timer);
        await deafen();
        await (queued ?? loading);
      };
    },
  };
}

async function readKeys(
  db: Db,
  known: ReadonlyMap<string, CryptoKey>,
): Promise<Map<string, CryptoKey>> {
  const keys = new Map<string, CryptoKey>();
  for (const { kid, alg, publicJwk } of await readSigningKeys(db)) {
    keys.set(kid, known.get(kid) ?? ((await importJWK(publicJwk as JWK, alg)) as CryptoKey));
  }
  return keys;
}
