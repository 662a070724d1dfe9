import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDb, type Db } from '@conducktor/db';
import { createTestDatabase, type TestDatabase } from '@conducktor/testing';
import { createVerifier, mintApiKey, parseApiKey, type Verifier } from '../src/index.js';

let database: TestDatabase;
let app: Db;
let gateway: Db;
let verifier: Verifier;

beforeAll(async () => {
  database = await createTestDatabase();
  app = createDb(database.urlFor('conducktor_app'));
  gateway = createDb(database.urlFor('conducktor_gateway'));
  verifier = createVerifier({ db: gateway, publicUrl: 'https://gateway.example' });
  const admin = createDb(database.adminUrl);
  await admin.pool.query("insert into user_account (id, email) values ('usr_1', 'a@example.com')");
  await admin.end();
  await app.withTenant('ten_1', async (tx) => {
    await tx.query("insert into tenant (id, slug, name) values ('ten_1', 'one', 'One')");
    await tx.query(
      "insert into member (tenant_id, id, user_id, email) values ('ten_1', 'mem_1', 'usr_1', 'a@example.com')",
    );
  });
});
afterAll(async () => {
  await Promise.all([app.end(), gateway.end()]);
  await database.drop();
});

async function store(change: { expiresAt?: Date; revokedAt?: Date } = {}) {
  const minted = mintApiKey();
  await app.withTenant('ten_1', (tx) =>
    tx.query(
      `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes, expires_at, revoked_at)
       values ('ten_1', $1, 'mem_1', 'test', $2, '{read,admin}', $3, $4)`,
      [minted.id, minted.secretHash, change.expiresAt ?? null, change.revokedAt ?? null],
    ),
  );
  return minted;
}

describe('an API key', () => {
  test('has a fixed form and 256 bits of secret', () => {
    const { id, key, secretHash } = mintApiKey();
    expect(id).toMatch(/^key_[0-9A-Za-z]{22}$/);
    expect(key).toMatch(/^ck_[0-9A-Za-z]{22}_[0-9A-Za-z_-]{43}$/);
    expect(parseApiKey(key)).toEqual({ id, secretHash });
    expect(secretHash).toHaveLength(32);
  });

  test('is accepted with its scopes in their full names', async () => {
    const { id, key } = await store();
    await expect(verifier.verifyApiKey(key)).resolves.toEqual({
      tenantId: 'ten_1',
      memberId: 'mem_1',
      userId: 'usr_1',
      keyId: id,
      scopes: ['mcp:read', 'admin'],
      exp: undefined,
    });
  });

  test('with another secret, of another id, or of another form is refused with one sentence', async () => {
    const { key } = await store();
    const last = key.at(-1) === 'A' ? 'E' : 'A';
    for (const wrong of [
      key.slice(0, -1) + last,
      mintApiKey().key,
      key.slice(3),
      `${key}A`,
      '',
      'ck__',
    ]) {
      await expect(verifier.verifyApiKey(wrong)).rejects.toMatchObject({
        code: 'unauthenticated',
        message: 'Sign in again: this API key is not valid.',
      });
    }
  });

  test('that expired or was revoked is refused', async () => {
    const expired = await store({ expiresAt: new Date(Date.now() - 1000) });
    await expect(verifier.verifyApiKey(expired.key)).rejects.toThrow(/expired at/);
    const revoked = await store({ revokedAt: new Date() });
    await expect(verifier.verifyApiKey(revoked.key)).rejects.toThrow(/was revoked/);
  });

  test('ends with its member', async () => {
    const { key } = await store();
    const disable = (at: string) =>
      app.withTenant('ten_1', (tx) =>
        tx.query(`update member set disabled_at = ${at} where id = 'mem_1'`),
      );
    await disable('now()');
    await expect(verifier.verifyApiKey(key)).rejects.toMatchObject({ code: 'unauthenticated' });
    await disable('null');
    await expect(verifier.verifyApiKey(key)).resolves.toBeDefined();
  });

  test('made up by the thousand leaves connections for everybody else', async () => {
    const { key } = await store();
    const refusals: string[] = [];
    const guesses = Array.from({ length: 3_000 }, () =>
      verifier
        .verifyApiKey(mintApiKey().key)
        .catch((error: { code: string }) => refusals.push(error.code)),
    );
    for (let look = 0; look < 20; look++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(gateway.pool.waitingCount).toBe(0);
      expect(gateway.pool.totalCount - gateway.pool.idleCount).toBeLessThanOrEqual(3);
    }
    await Promise.all(guesses);
    expect(refusals).toHaveLength(3_000);
    // What does not fit into the line is told to come back; nobody is let in.
    expect(new Set(refusals)).toEqual(new Set(['unauthenticated', 'governance_unavailable']));
    await expect(verifier.verifyApiKey(key)).resolves.toMatchObject({ memberId: 'mem_1' });
  });
});
