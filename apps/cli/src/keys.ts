import {
  addNextSigningKey,
  createDb,
  listSigningKeys,
  replaceSigningKeys,
  type Db,
  type ListedSigningKey,
} from '@conducktor/db';
import { embeddedDatabaseUrl, EmbeddedError } from '@conducktor/embedded';
import { makeSigningKey, PUBLISH_MS, VERIFY_MS } from '@conducktor/identity';
import { deriveKey } from '@conducktor/runtime';
import { createVault } from '@conducktor/vault';
import { UsageError, type StackOptions } from './options.js';
import { openDataDir } from './stack/data-dir.js';
import { filesOf, portsOf } from './stack/layout.js';
import { lockHolder } from './stack/lock.js';
import { readState } from './stack/state.js';
import { table } from './terminal/table.js';

/**
 * `conducktor keys list` and `conducktor keys rotate [--now]`: the keys that sign tokens. With DATABASE_URL
 * (as the role conducktor_auth) and SECRET_KEY in the environment for that installation, otherwise for
 * the one that runs from the data directory.
 */
export async function keys(
  options: StackOptions,
  env: NodeJS.ProcessEnv = process.env,
  out: { write(text: string): unknown } = process.stdout,
): Promise<number> {
  const [what = 'list'] = options.words;
  if (what !== 'list' && what !== 'rotate') {
    throw new UsageError(`"keys ${what}" is not known; there are "keys list" and "keys rotate".`);
  }
  const place = placeOf(options, env);
  const db = createDb(place.databaseUrl, { max: 2, name: 'conducktor keys' });
  try {
    const said =
      what === 'rotate' ? await rotate(db, place.secretKey, options.now) : await list(db, options);
    out.write(`${said}\n`);
    return 0;
  } finally {
    await db.end();
  }
}

async function list(db: Db, { json }: StackOptions): Promise<string> {
  const listed = await listSigningKeys(db);
  if (json) return JSON.stringify({ keys: listed });
  return table(
    ['key', 'state', 'signs from', 'until', 'its tokens are good until'],
    listed.map((key) => [
      key.kid,
      key.state,
      at(key.signsFrom),
      at(key.retiredAt),
      at(key.verifiesUntil),
    ]),
  );
}

async function rotate(db: Db, secretKey: string, now: boolean): Promise<string> {
  const vault = createVault({ kek: deriveKey(secretKey, 'kek'), db });
  const made = await makeSigningKey(vault.sealForInstall);
  if (now) {
    const others = await replaceSigningKeys(db, made);
    return [
      `${made.kid} signs from now on. Nothing that the other ${others === 1 ? 'key' : `${others} keys`} signed is accepted any more.`,
      'Clients get new tokens by their refresh tokens; nobody has to sign in again.',
    ].join('\n');
  }
  const listed = await listSigningKeys(db);
  const last = listed.find(({ retiredAt }) => retiredAt === null);
  if (!last)
    throw new EmbeddedError(
      'There is no signing key yet: auth makes the first one when it starts.',
    );
  if (last.state === 'published') throw alreadyNext(last);
  const plan = { after: last.kid, publishMs: PUBLISH_MS, signMs: 0, verifyMs: VERIFY_MS };
  if (!(await addNextSigningKey(db, made, plan))) throw alreadyNext(undefined);
  const next = (await listSigningKeys(db)).find(({ kid }) => kid === made.kid)!;
  return `${made.kid} is published and signs from ${at(next.signsFrom)}. Until then, and a day longer, tokens of ${last.kid} are good.`;
}

const alreadyNext = (next: ListedSigningKey | undefined) =>
  new EmbeddedError(
    `The next key is published already${next ? ` and signs from ${at(next.signsFrom)}` : ''}. If a key is in wrong hands: conducktor keys rotate --now`,
  );

const at = (time: Date | null) => (time ? time.toISOString().replace(/\.\d+Z$/, 'Z') : '–');

function placeOf(
  { data }: StackOptions,
  env: NodeJS.ProcessEnv,
): { databaseUrl: string; secretKey: string } {
  const { DATABASE_URL: databaseUrl, SECRET_KEY: secretKey } = env;
  if (databaseUrl && secretKey) return { databaseUrl, secretKey };
  if (databaseUrl || secretKey) {
    throw new UsageError('Set DATABASE_URL and SECRET_KEY together, as the auth service has them.');
  }
  const files = filesOf(data);
  const state = lockHolder(files.lock) === undefined ? undefined : readState(files.state);
  if (!state) {
    throw new EmbeddedError(
      `No Conducktor runs in ${data}; "npm start" starts it. For another installation set DATABASE_URL and SECRET_KEY, as its auth service has them.`,
    );
  }
  return {
    databaseUrl: embeddedDatabaseUrl({
      dir: data,
      port: portsOf(state.portBase).postgres,
      role: 'conducktor_auth',
    }),
    secretKey: openDataDir(data).secretKey,
  };
}
