import { randomBytes } from 'node:crypto';
import { addFirstSigningKey, createDb, readSealedSigningKeys, type Db } from '@conducktor/db';
import { makeSigningKey, signingKeyPlace } from '@conducktor/identity';
import { deriveKey } from '@conducktor/runtime';
import { createTestDatabase, type TestDatabase } from '@conducktor/testing';
import { createVault } from '@conducktor/vault';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keys } from '../src/keys.js';
import { readOptions } from '../src/options.js';

const SECRET_KEY = randomBytes(32).toString('base64url');

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await createTestDatabase();
  db = createDb(database.urlFor('conducktor_auth'));
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

const vault = () => createVault({ kek: deriveKey(SECRET_KEY, 'kek'), db });
const conducktor = async (...args: string[]) => {
  const env = { DATABASE_URL: database.urlFor('conducktor_auth'), SECRET_KEY };
  let said = '';
  const out = { write: (text: string) => (said += text) };
  await keys(readOptions(args, {}, 1), env, out);
  return said;
};
const states = async () => {
  const { keys: listed } = JSON.parse(await conducktor('list', '--json')) as {
    keys: { kid: string; state: string }[];
  };
  return listed.map(({ state }) => state);
};

test('an operator lists the keys, publishes the next one, and replaces all at once in an emergency', async () => {
  await expect(conducktor('rotate')).rejects.toThrow('There is no signing key yet');
  await addFirstSigningKey(db, await makeSigningKey(vault().sealForInstall));
  expect(await states()).toEqual(['signing']);

  expect(await conducktor('rotate')).toMatch(/is published and signs from \d{4}-/);
  expect(await states()).toEqual(['published', 'signing']);
  await expect(conducktor('rotate')).rejects.toThrow(
    'The next key is published already and signs from',
  );

  const now = await conducktor('rotate', '--now');
  expect(now).toContain('Nothing that the other 2 keys signed is accepted any more.');
  expect((await states()).toSorted()).toEqual(['gone', 'gone', 'signing']);
  // The new one is the auth service's to use: sealed under the installation's key.
  const [key] = await readSealedSigningKeys(db);
  const jwk = vault().openForInstall(signingKeyPlace(key!.kid), key!.privateSealed);
  expect(JSON.parse(jwk.toString())).toMatchObject({ kty: 'EC', d: expect.any(String) });
  expect(now).not.toContain('"d"');
});

test('half of what is needed, or an unknown word, is refused with a sentence', async () => {
  const env = { DATABASE_URL: 'postgres://x@localhost/x' };
  await expect(keys(readOptions(['list'], {}, 1), env)).rejects.toThrow(
    'Set DATABASE_URL and SECRET_KEY together',
  );
  await expect(keys(readOptions(['list', '--data', '/nowhere/at-all'], {}, 1), {})).rejects.toThrow(
    'No Conducktor runs in /nowhere/at-all',
  );
  await expect(conducktor('revoke')).rejects.toThrow('there are "keys list" and "keys rotate"');
});
