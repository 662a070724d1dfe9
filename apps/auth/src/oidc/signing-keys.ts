import {
  addFirstSigningKey,
  addNextSigningKey,
  forgetSigningKeys,
  listenTo,
  readSealedSigningKeys,
  type Db,
  type StoredSigningKey,
} from '@conducktor/db';
import { makeSigningKey, PUBLISH_MS, signingKeyPlace, VERIFY_MS } from '@conducktor/identity';
import type { Logger } from '@conducktor/runtime';
import type { Vault } from '@conducktor/vault';
import type { JWK } from 'oidc-provider';

/** All in milliseconds. */
export interface KeyTimes {
  /** How long one key signs. */
  signMs: number;
  /** How long it is published before that. */
  publishMs: number;
  /** How long what it signed is good after that. */
  verifyMs: number;
  pollMs: number;
}

export function keyTimes(signingKeyDays: number): KeyTimes {
  const signMs = signingKeyDays * 24 * 3600 * 1000;
  return {
    signMs,
    publishMs: Math.min(PUBLISH_MS, signMs / 2),
    verifyMs: VERIFY_MS,
    pollMs: 1_000,
  };
}

export interface SigningKeys {
  /** Private keys whose tokens are accepted; the first one signs. */
  current(): JWK[];
  stop(): Promise<void>;
}

/**
 * The keys that sign, out of the vault, kept current: read again when Postgres tells of a change and
 * every `pollMs`, and at the moment when the next one takes over. The first key is made here, and so is
 * each that follows by age; of several processes one does it. `onChange` gets the new set.
 */
export async function openSigningKeys(deps: {
  db: Db;
  vault: Vault;
  logger: Logger;
  times: KeyTimes;
  onChange: (keys: JWK[]) => void;
}): Promise<SigningKeys> {
  const { db, vault, logger, times } = deps;
  let keys: JWK[] = [];
  const opened = new Map<string, JWK>();
  let loading: Promise<void> | undefined;
  let again = false;
  let stopped = false;
  let takeover: NodeJS.Timeout | undefined;

  const load = async () => {
    const rows = await replacedByAge(deps, await readSealedSigningKeys(db));
    const read = inOrder(rows).map((row) => opened.get(row.kid) ?? open(vault, row));
    opened.clear();
    for (const key of read) opened.set(key.kid!, key);
    clearTimeout(takeover);
    const next = Math.min(...rows.map(({ signsInMs }) => signsInMs).filter((ms) => ms > 0));
    // No sooner than that; the poll would be late by up to its interval.
    if (next < times.pollMs && !stopped) takeover = setTimeout(reload, Math.ceil(next) + 1);
    if (sameKeys(keys, read)) return;
    const isFirst = keys.length === 0;
    keys = read;
    await forgetSigningKeys(db);
    if (isFirst) return;
    logger.info({ signing: keys[0]!.kid, keys: keys.length }, 'The signing keys have changed');
    deps.onChange(keys);
  };
  /** One read at a time; whoever asks meanwhile gets another one after it. */
  const reload = () => {
    if (stopped) return;
    if (loading) {
      again = true;
      return;
    }
    loading = load()
      .catch((error: unknown) => logger.warn({ err: error }, 'Signing keys could not be read'))
      .finally(() => {
        loading = undefined;
        if (again) {
          again = false;
          reload();
        }
      });
  };

  await addFirst(deps);
  await load();
  const timer = setInterval(reload, times.pollMs);
  timer.unref();
  const deafen = listenTo(db, 'signing_key', reload);
  return {
    current: () => keys,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      clearTimeout(takeover);
      await deafen();
      await loading;
    },
  };
}

async function addFirst({ db, vault }: { db: Db; vault: Vault }): Promise<void> {
  if ((await readSealedSigningKeys(db)).length > 0) return;
  await addFirstSigningKey(db, await makeSigningKey(vault.sealForInstall));
}

/** The rows, with a new one when the last of them is old enough to have a successor published. */
async function replacedByAge(
  { db, vault, times }: { db: Db; vault: Vault; times: KeyTimes },
  rows: StoredSigningKey[],
): Promise<StoredSigningKey[]> {
  const last = rows.find(({ retiresInMs }) => retiresInMs === null);
  if (!last || -last.signsInMs < times.signMs - times.publishMs) return rows;
  await addNextSigningKey(db, await makeSigningKey(vault.sealForInstall), {
    ...times,
    after: last.kid,
  });
  return readSealedSigningKeys(db);
}

// oidc-provider signs with the first key that fits.
function inOrder(rows: StoredSigningKey[]): StoredSigningKey[] {
  const signing = rows.filter(({ state }) => state === 'signing');
  return [...signing, ...rows.filter(({ state }) => state !== 'signing')];
}

function open(vault: Vault, row: StoredSigningKey): JWK {
  const text = vault.openForInstall(signingKeyPlace(row.kid), row.privateSealed).toString('utf8');
  return { ...(JSON.parse(text) as JWK), kid: row.kid, alg: row.alg, use: 'sig' };
}

const sameKeys = (one: JWK[], other: JWK[]) =>
  one.length === other.length && one.every(({ kid }, index) => kid === other[index]!.kid);
