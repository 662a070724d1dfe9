import type { AddressInfo } from 'node:net';
import { createDb, replaceSigningKeys } from '@conducktor/db';
import { createVerifier, makeSigningKey, type Verifier } from '@conducktor/identity';
import { createLogger, deriveKey } from '@conducktor/runtime';
import { createVault } from '@conducktor/vault';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FormBrowser } from '@conducktor/oauth-client';
import { createApp } from '../src/create-app.js';
import {
  authorization,
  connect,
  formTo,
  left,
  register,
  signUp,
  startAuth,
  stayed,
  type AuthService,
} from './harness.js';

// A key signs for 1.6 s and is known for a second before; a token outlives the test.
const TIMES = { signMs: 1_600, publishMs: 1_000, verifyMs: 60_000, pollMs: 100 };
/** An outside verifier keeps our keys so long, and never asks because of a token. */
const OUTSIDE_CACHE_MS = 400;

let auth: AuthService;
let replica: { origin: string; stop(): Promise<void> };
let verifier: Verifier;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  auth = await startAuth({}, { keyTimes: TIMES });
  const db = createDb(auth.config.DATABASE_URL);
  const logger = createLogger('auth', 'fatal');
  const app = await createApp({ config: auth.config, db, logger, keyTimes: TIMES });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  replica = {
    origin: `http://127.0.0.1:${port}`,
    stop: async () => {
      await app.close();
      await db.end();
    },
  };
  const gateway = createDb(auth.database.urlFor('conducktor_gateway'));
  verifier = createVerifier({ db: gateway, publicUrl: auth.origin });
  const unfollow = verifier.followKeys();
  ends.push(
    () => replica.stop(),
    async () => (await unfollow(), gateway.end()),
  );
});
afterAll(async () => {
  for (const end of ends) await end();
  await auth.stop();
});

const resource = () => `${auth.origin}/mcp`;
const refresh = async (origin: string, clientId: string, token: string) => {
  const response = await fetch(`${origin}/oauth2/token`, {
    method: 'POST',
    headers: { host: new URL(auth.origin).host },
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: token,
    }),
  });
  const answer = (await response.json()) as { access_token: string; refresh_token: string };
  if (response.status !== 200) throw new Error(JSON.stringify(answer));
  return answer;
};
const publishedKeys = async () => {
  const response = await fetch(`${auth.origin}/.well-known/jwks.json`);
  return { response, keys: (await response.json()) as JSONWebKeySet };
};
const chain = async () => {
  const { rows } = await auth.admin.pool.query<{ signsFrom: string; retiredAt: string | null }>(
    'select signs_from::text as "signsFrom", retired_at::text as "retiredAt" from signing_key order by signs_from',
  );
  return rows;
};

test('keys replace each other while tokens are made by two replicas and checked inside and outside, and none fails', async () => {
  let copy = { of: createLocalJWKSet((await publishedKeys()).keys), at: performance.now() };
  const outside = async () => {
    const at = performance.now();
    if (at - copy.at > OUTSIDE_CACHE_MS)
      copy = { of: createLocalJWKSet((await publishedKeys()).keys), at };
    return copy.of;
  };

  const figures = { minted: 0, verified: 0, longestGapMs: 0 };
  const failures: unknown[] = [];
  const signers = new Set<string>();
  const check = async (token: string) => {
    await verifier.verifyAccessToken(token, resource());
    await jwtVerify(token, await outside(), { issuer: auth.origin, typ: 'at+jwt' });
    figures.verified++;
  };
  const client = async (at: number) => {
    const { client: registered, tokens } = await connect(auth);
    const clientId = registered.clientMetadata().client_id;
    let refreshToken = tokens.refresh_token!;
    const early = tokens.access_token;
    let last = performance.now();
    for (let turn = at; signers.size < 3; turn++) {
      try {
        const origin = turn % 2 ? auth.origin : replica.origin;
        const next = await refresh(origin, clientId, refreshToken);
        refreshToken = next.refresh_token;
        figures.minted++;
        signers.add(decodeProtectedHeader(next.access_token).kid!);
        await check(next.access_token);
        await check(early);
      } catch (error) {
        failures.push(error);
        break;
      }
      figures.longestGapMs = Math.max(figures.longestGapMs, performance.now() - last);
      last = performance.now();
    }
  };
  await Promise.all([0, 1, 2, 3].map(client));

  expect(failures).toEqual([]);
  expect(signers.size).toBe(3);
  expect(figures.minted).toBeGreaterThan(20);
  // However many replicas see the need: each key has one successor, which signs from its end on.
  const row = await chain();
  expect(row.slice(1).map(({ signsFrom }) => signsFrom)).toEqual(
    row.slice(0, -1).map(({ retiredAt }) => retiredAt),
  );
});

test('a sign-in that was under way when the key changed is finished with the new one', async () => {
  const browser = new FormBrowser(auth.origin);
  await signUp(auth, browser);
  const client = await register(auth);
  const request = await authorization(client, { scope: 'openid read' });
  const page = stayed(await browser.open(request.url.href));
  const before = await signing();
  await expect.poll(signing, { timeout: 30_000, interval: 50 }).not.toBe(before);
  const answer = left(await browser.submit(formTo(page, '/consent'), { decision: 'allow' }));
  const tokens = await oauth.authorizationCodeGrant(client, answer, {
    pkceCodeVerifier: request.verifier,
    expectedState: request.state,
  });
  await expect(verifier.verifyAccessToken(tokens.access_token, resource())).resolves.toBeDefined();
  expect(tokens.claims()).toMatchObject({ iss: auth.origin });
});

const signing = async () => {
  const { rows } = await auth.admin.pool.query<{ kid: string }>(
    'select kid from signing_key where signs_from <= now() and (retired_at is null or retired_at > now())',
  );
  expect(rows).toHaveLength(1);
  return rows[0]!.kid;
};

test('verifiers are told for how long they may keep our keys, and see no private part', async () => {
  const { response, keys } = await publishedKeys();
  expect(response.headers.get('cache-control')).toBe('public, max-age=300');
  expect(keys.keys.length).toBeGreaterThan(1);
  for (const key of keys.keys) expect(key).not.toHaveProperty('d');
});

test('a key in wrong hands is replaced: what it signed is refused within a second, refresh tokens stay good', async () => {
  const { client, tokens } = await connect(auth);
  const { signedBy } = await verifier.verifyAccessToken(tokens.access_token, resource());
  expect(verifier.keyStands(signedBy)).toBe(true);

  const vault = createVault({ kek: deriveKey(auth.config.SECRET_KEY, 'kek'), db: auth.db });
  await replaceSigningKeys(auth.db, await makeSigningKey(vault.sealForInstall));
  const at = performance.now();
  await expect.poll(() => verifier.keyStands(signedBy), { interval: 5 }).toBe(false);
  expect(performance.now() - at).toBeLessThan(1_000);
  await expect(verifier.verifyAccessToken(tokens.access_token, resource())).rejects.toMatchObject({
    code: 'unauthenticated',
  });

  // Auth itself, which hears of it in the same way.
  await expect
    .poll(async () => (await publishedKeys()).keys.keys.map(({ kid }) => kid))
    .not.toContain(signedBy);
  expect((await oauth.tokenIntrospection(client, tokens.access_token)).active).toBe(false);
  const next = await oauth.refreshTokenGrant(client, tokens.refresh_token!);
  await expect(verifier.verifyAccessToken(next.access_token, resource())).resolves.toBeDefined();
  const { rows } = await auth.admin.pool.query(
    'select 1 from signing_key where verifies_until <= now() and private_sealed is not null',
  );
  expect(rows).toEqual([]);
});

test('a gateway that hears nothing from Postgres still forgets the key within a second', async () => {
  const gateway = createDb(auth.database.urlFor('conducktor_gateway'), { max: 2 });
  const deaf = createVerifier({ db: gateway, publicUrl: auth.origin });
  const unfollow = deaf.followKeys();
  try {
    const { tokens } = await connect(auth);
    const { signedBy } = await deaf.verifyAccessToken(tokens.access_token, resource());
    await auth.admin.pool.query('alter table signing_key disable trigger tell');
    const vault = createVault({ kek: deriveKey(auth.config.SECRET_KEY, 'kek'), db: auth.db });
    await replaceSigningKeys(auth.db, await makeSigningKey(vault.sealForInstall));
    const at = performance.now();
    await expect.poll(() => deaf.keyStands(signedBy), { interval: 5 }).toBe(false);
    expect(performance.now() - at).toBeLessThan(1_000);
  } finally {
    await auth.admin.pool.query('alter table signing_key enable trigger tell');
    await unfollow();
    await gateway.end();
  }
});

test('private parts are sealed, and gone with their keys', async () => {
  const { rows } = await auth.admin.pool.query<{ sealed: Buffer | null; good: boolean }>(
    'select private_sealed as sealed, coalesce(verifies_until > now(), true) as good from signing_key',
  );
  for (const { sealed, good } of rows) {
    expect(sealed !== null).toBe(good);
    expect(sealed?.toString('latin1') ?? '').not.toContain('"d":');
  }
});
