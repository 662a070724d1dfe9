import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addFirstSigningKey,
  addNextSigningKey,
  createDb,
  forgetSigningKeys,
  listSigningKeys,
  type Db,
} from '@conducktor/db';
import { createTestDatabase, type TestDatabase } from '@conducktor/testing';
import { SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { createVerifier, type Verifier } from '../src/index.js';

const ISSUER = 'https://gateway.example';
const RESOURCE = 'https://gateway.example/mcp';
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let database: TestDatabase;
let db: Db;
let gateway: Db;
let verifier: Verifier;

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDb(database.urlFor('conducktor_auth'));
  gateway = createDb(database.urlFor('conducktor_gateway'));
  await addFirstSigningKey(db, {
    kid: 'one',
    alg: 'ES256',
    publicJwk: { ...pair.publicKey.export({ format: 'jwk' }) },
    privateSealed: randomBytes(8),
  });
  verifier = createVerifier({ db: gateway, publicUrl: ISSUER });
});
afterAll(async () => {
  await Promise.all([db.end(), gateway.end()]);
  await database.drop();
});

const claims = (): JWTPayload => ({
  iss: ISSUER,
  aud: RESOURCE,
  sub: 'usr_1',
  client_id: 'client',
  scope: 'mcp:read openid',
  jti: 'token',
  tenant: 'ten_1',
  member: 'mem_1',
  gid: 'grt_1',
  exp: Math.floor(Date.now() / 1000) + 60,
});
const sign = (payload: JWTPayload, header: Record<string, unknown> = {}, key = pair.privateKey) =>
  new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'one', ...header })
    .sign(key);

const refusal = { code: 'unauthenticated', status: 401 };

describe('an access token', () => {
  test('of this installation for this resource is accepted, read with the gateway’s own role', async () => {
    await expect(verifier.verifyAccessToken(await sign(claims()), RESOURCE)).resolves.toMatchObject(
      {
        tenantId: 'ten_1',
        memberId: 'mem_1',
        userId: 'usr_1',
        clientId: 'client',
        grantId: 'grt_1',
        scopes: ['mcp:read', 'openid'],
        audience: RESOURCE,
        jti: 'token',
      },
    );
  });

  test.each([
    ['another resource', { aud: `${ISSUER}/mcp/finance` }],
    ['several resources at once', { aud: [RESOURCE, `${ISSUER}/mcp/finance`] }],
    ['another issuer', { iss: 'https://gateway.example/' }],
    ['a time that has passed', { exp: Math.floor(Date.now() / 1000) - 1 }],
    ['no expiry', { exp: undefined }],
    ['a time to come', { nbf: Math.floor(Date.now() / 1000) + 60 }],
    ['no grant', { gid: undefined }],
    ['no workspace', { tenant: '' }],
  ])('for %s is refused', async (_, change) => {
    const jwt = await sign({ ...claims(), ...change });
    await expect(verifier.verifyAccessToken(jwt, RESOURCE)).rejects.toMatchObject(refusal);
  });

  test.each([
    ['typ JWT', { typ: 'JWT' }],
    ['no typ', { typ: undefined }],
    ['an unknown key', { kid: 'two' }],
    ['no key', { kid: undefined }],
  ])('with %s in its header is refused', async (_, header) => {
    const jwt = await sign(claims(), header);
    await expect(verifier.verifyAccessToken(jwt, RESOURCE)).rejects.toMatchObject(refusal);
  });

  test('signed by somebody else, unsigned, or signed with the public key as a secret is refused', async () => {
    const secret = Buffer.from(pair.publicKey.export({ format: 'pem', type: 'spki' }));
    const forged = [
      await sign(claims(), {}, stranger.privateKey),
      new UnsecuredJWT(claims()).encode(),
      await new SignJWT(claims())
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'one' })
        .sign(secret),
      // A key that the token brings along, or says where to find.
      await sign(
        claims(),
        { jwk: stranger.publicKey.export({ format: 'jwk' }), jku: 'https://evil.example/keys' },
        stranger.privateKey,
      ),
      await new SignJWT(claims())
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'one' })
        .sign(rsa.privateKey),
      'not.a.token',
      '',
    ];
    for (const jwt of forged) {
      await expect(verifier.verifyAccessToken(jwt, RESOURCE)).rejects.toMatchObject(refusal);
    }
  });
});

describe('signing keys', () => {
  test('a flood of unknown keys causes one read in two seconds', async () => {
    let clock = Date.now();
    let reads = 0;
    const counting = {
      ...gateway,
      pool: { query: (text: string) => (reads++, gateway.pool.query(text)) },
    } as unknown as Db;
    const own = createVerifier({ db: counting, publicUrl: ISSUER, now: () => clock });
    const jwt = await sign(claims(), { kid: 'nobody' });
    for (let i = 0; i < 50; i++) await own.verifyAccessToken(jwt, RESOURCE).catch(() => {});
    expect(reads).toBe(1);
    clock += 2_001;
    await own.verifyAccessToken(jwt, RESOURCE).catch(() => {});
    expect(reads).toBe(2);
  });

  test('known keys outlive Postgres; an unknown one then is not called a forgery', async () => {
    const own = createDb(database.urlFor('conducktor_gateway'));
    const offline = createVerifier({ db: own, publicUrl: ISSUER });
    const jwt = await sign(claims());
    await offline.verifyAccessToken(jwt, RESOURCE);
    await own.end();
    await expect(offline.verifyAccessToken(jwt, RESOURCE)).resolves.toBeDefined();
    const fresh = createVerifier({ db: own, publicUrl: ISSUER });
    for (let i = 0; i < 2; i++) {
      await expect(fresh.verifyAccessToken(jwt, RESOURCE)).rejects.toMatchObject({
        code: 'governance_unavailable',
      });
    }
  });

  test('processes that start together make one key', async () => {
    const own = await createTestDatabase();
    const starting = createDb(own.urlFor('conducktor_auth'));
    try {
      await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          addFirstSigningKey(starting, {
            kid: `key-${i}`,
            alg: 'ES256',
            publicJwk: {},
            privateSealed: Buffer.alloc(1),
          }),
        ),
      );
      const { rows } = await starting.pool.query('select kid from signing_key');
      expect(rows).toHaveLength(1);
    } finally {
      await starting.end();
      await own.drop();
    }
  });

  test('are good from the moment they are published until their time is over', async () => {
    const own = createVerifier({ db: gateway, publicUrl: ISSUER });
    const before = await sign(claims());
    const plan = { after: 'one', publishMs: 60_000, signMs: 0, verifyMs: 60_000 };
    const next = {
      kid: 'next',
      alg: 'ES256',
      publicJwk: { ...pair.publicKey.export({ format: 'jwk' }) },
    };
    const made = await Promise.all(
      [0, 1, 2].map((n) =>
        addNextSigningKey(db, { ...next, kid: `next-${n}`, privateSealed: randomBytes(8) }, plan),
      ),
    );
    // Three saw that it was time; one acted.
    expect(made.filter(Boolean)).toHaveLength(1);
    const kid = `next-${made.indexOf(true)}`;
    await own.verifyAccessToken(await sign(claims(), { kid }), RESOURCE);
    const at = (state: string, times: string) =>
      db.pool.query(`update signing_key set ${times} where kid = $1`, [state]);
    await at('one', `retired_at = now() - interval '1 minute'`);
    const later = createVerifier({ db: gateway, publicUrl: ISSUER });
    await expect(later.verifyAccessToken(before, RESOURCE)).resolves.toMatchObject({
      signedBy: 'one',
    });
    await at('one', 'verifies_until = now()');
    const last = createVerifier({ db: gateway, publicUrl: ISSUER });
    await expect(last.verifyAccessToken(before, RESOURCE)).rejects.toMatchObject(refusal);
    await forgetSigningKeys(db);
    const [, gone] = await listSigningKeys(db);
    expect(gone).toMatchObject({ kid: 'one', state: 'gone' });
  });
});
