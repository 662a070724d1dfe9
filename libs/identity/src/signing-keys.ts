import { importJWK, type CryptoKey, type JWK } from 'jose';
import { readSigningKeys, type Db } from '@conducktor/db';

/** An unknown `kid` may cause one read per this time, however many forged tokens arrive. */
const UNKNOWN_KID_PAUSE_MS = 2_000;
/** A known set is read again after this time, so that a key taken out of use is forgotten. */
const MAX_AGE_MS = 60_000;

export interface SigningKeys {
  /** The public key, or undefined when the installation has no such key. Throws when Postgres is needed and away. */
  find(kid: string): Promise<CryptoKey | undefined>;
}

/** Public signing keys, read from Postgres, so that verification does not need the auth service. */
export function createSigningKeys(deps: { db: Db; now?: () => number }): SigningKeys {
  const now = deps.now ?? Date.now;
  let keys = new Map<string, CryptoKey>();
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let loading: Promise<void> | undefined;

  const load = () => {
    loading ??= readKeys(deps.db)
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

  return {
    async find(kid) {
      const known = keys.get(kid);
      if (known) {
        // In the background: while Postgres is away the known keys stay good.
        if (now() - triedAt > MAX_AGE_MS) void load();
        return known;
      }
      if (loading || now() - triedAt > UNKNOWN_KID_PAUSE_MS) await load();
      const found = keys.get(kid);
      // Not "no such key": the set could not be read, so nobody knows.
      if (!found && failure) throw failure;
      return found;
    },
  };
}

async function readKeys(db: Db): Promise<Map<string, CryptoKey>> {
  const keys = new Map<string, CryptoKey>();
  for (const row of await readSigningKeys(db)) {
    keys.set(row.kid, (await importJWK(row.publicJwk as JWK, row.alg)) as CryptoKey);
  }
  return keys;
}
