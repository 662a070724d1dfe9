import { FormBrowser } from '@conducktor/oauth-client';
import { createOutbound, type Outbound } from '@conducktor/outbound';
import { jsonAnswer, startNamedServers, type NamedServers } from '@conducktor/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  allow,
  authorization,
  CALLBACK,
  formTo,
  left,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';

const CHATGPT = 'https://chatgpt.com/oauth/client.json';
const CHATGPT_REDIRECT = 'https://chatgpt.com/connector_platform_oauth_redirect';

let servers: NamedServers;
let outbound: Outbound;
let auth: AuthService;
let browser: FormBrowser;
/** What docs.example answers, by path. */
const documents = new Map<string, { body: unknown; headers?: Record<string, string> }>();

beforeAll(async () => {
  servers = await startNamedServers({
    'chatgpt.com': jsonAnswer({
      client_id: CHATGPT,
      client_name: 'ChatGPT',
      redirect_uris: [CHATGPT_REDIRECT],
      token_endpoint_auth_methods: ['none', 'private_key_jwt'],
      jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
      grant_types: ['authorization_code', 'refresh_token', 'urn:example:other'],
      response_types: ['code'],
      logo_uri: 'https://chatgpt.com/logo.png',
    }),
    'keys.example': jsonAnswer({ keys: [] }),
    'docs.example': (request, response) => {
      const found = documents.get(request.url!);
      if (!found) return void response.writeHead(404).end();
      if (typeof found.body === 'string') return void response.end(found.body);
      jsonAnswer(found.body, found.headers)(request, response);
    },
  });
  outbound = createOutbound({ ...servers.outbound });
  auth = await startAuth({}, { outbound });
  browser = new FormBrowser(auth.origin);
  await signUp(auth, browser);
});
afterAll(async () => {
  await auth.stop();
  await outbound.close();
  await servers.close();
});

// One address asks for all documents here, more than one would be given in so short a time.
beforeEach(async () => {
  await auth.admin.pool.query(`delete from attempt_limit where key like 'client-document/%'`);
});

/** A document at docs.example; returns its URL, which is the client's id. */
function publish(
  path: string,
  fields: Record<string, unknown> = {},
  headers?: Record<string, string>,
): string {
  const id = `https://docs.example${path}`;
  const body = { client_id: id, client_name: 'Docs', redirect_uris: [CALLBACK], ...fields };
  documents.set(path, headers ? { body, headers } : { body });
  return id;
}

const client = (id: string, authentication: oauth.ClientAuth = oauth.None()) =>
  oauth.discovery(new URL(auth.origin), id, {}, authentication, {
    algorithm: 'oauth2',
    execute: [oauth.allowInsecureRequests],
  });

async function tokensOf(as: oauth.Configuration, redirect_uri = CALLBACK) {
  const request = await authorization(as, { redirect_uri });
  const answer = await allow(browser, request);
  return oauth.authorizationCodeGrant(as, answer, {
    pkceCodeVerifier: request.verifier,
    expectedState: request.state,
  });
}

/** What the page says that an authorization is answered with. */
async function pageFor(id: string, params: Record<string, string> = {}) {
  const request = await authorization(await client(id), params);
  const page = stayed(await browser.open(request.url.href));
  return { status: page.status, text: textOf(page) };
}

async function keyPair(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { privateKey, kid, publicJwk: { ...(await exportJWK(publicKey)), alg: 'ES256', kid } };
}

describe('ChatGPT by its metadata document', () => {
  test('signs in without registering, as a public client, and stays connected', async () => {
    const chatgpt = await client(CHATGPT);
    const request = await authorization(chatgpt, { redirect_uri: CHATGPT_REDIRECT });
    const page = stayed(await browser.open(request.url.href));
    expect(textOf(page)).toContain('Connect ChatGPT?');
    expect(textOf(page)).toContain('Access goes to chatgpt.com');
    expect(textOf(page)).toContain('The app is described by chatgpt.com');
    const answer = left(await browser.submit(formTo(page, '/consent'), { decision: 'allow' }));
    expect(answer.searchParams.get('iss')).toBe(auth.origin);
    const tokens = await oauth.authorizationCodeGrant(chatgpt, answer, {
      pkceCodeVerifier: request.verifier,
      expectedState: request.state,
    });
    const again = await oauth.refreshTokenGrant(chatgpt, tokens.refresh_token!);
    expect(again.access_token).toBeDefined();
    await expect(oauth.tokenIntrospection(chatgpt, again.access_token)).resolves.toMatchObject({
      active: true,
      client_id: CHATGPT,
    });
    // Once, for all of it.
    expect(servers.requests.filter((each) => each.startsWith('chatgpt.com'))).toEqual([
      'chatgpt.com/oauth/client.json',
    ]);
  });

  test('signs with its key where it prefers that, from the address in its document', async () => {
    const [key, next] = [await keyPair('k1'), await keyPair('k2')];
    let published = [key.publicJwk];
    servers.handle('chatgpt.com', (request, response) =>
      jsonAnswer({ keys: published })(request, response),
    );
    const signing = (with_: typeof key) =>
      client(CHATGPT, oauth.PrivateKeyJwt({ key: with_.privateKey, kid: with_.kid }));
    const tokens = await tokensOf(await signing(key), CHATGPT_REDIRECT);
    expect(tokens.access_token).toBeDefined();
    // A key that is in no set yet, and a signature that is not its owner's.
    await expect(tokensOf(await signing(next), CHATGPT_REDIRECT)).rejects.toMatchObject({
      error: 'invalid_client',
    });
    const forged = await signing({ ...next, kid: 'k1' });
    await expect(tokensOf(forged, CHATGPT_REDIRECT)).rejects.toMatchObject({
      error: 'invalid_client',
    });
    expect(servers.requests.filter((each) => each.endsWith('/jwks.json'))).toHaveLength(1);
    // It rotates: the new key is taken up at its first use, and the old one is gone with that.
    published = [next.publicJwk];
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11_000 });
    try {
      const rotated = await tokensOf(await signing(next), CHATGPT_REDIRECT);
      expect(rotated.access_token).toBeDefined();
      await expect(tokensOf(await signing(key), CHATGPT_REDIRECT)).rejects.toMatchObject({
        error: 'invalid_client',
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test('keeps its keys when a stranger names one that is not there and the address is silent', async () => {
    const key = await keyPair('stays');
    const id = publish('/silent', { jwks_uri: 'https://keys.example/k' });
    let silent = false;
    servers.handle('keys.example', (request, response) =>
      silent
        ? void response.writeHead(503).end()
        : jsonAnswer({ keys: [key.publicJwk] })(request, response),
    );
    const signing = (kid: string) => client(id, oauth.PrivateKeyJwt({ key: key.privateKey, kid }));
    expect((await tokensOf(await signing('stays'))).access_token).toBeDefined();
    silent = true;
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11_000 });
    try {
      await expect(tokensOf(await signing('made-up'))).rejects.toMatchObject({
        error: 'invalid_client',
      });
      expect((await tokensOf(await signing('stays'))).access_token).toBeDefined();
    } finally {
      vi.useRealTimers();
    }
  });

  test('a client that registered may have its keys at an address as well, fetched when it signs', async () => {
    const key = await keyPair('registered');
    documents.set('/registered/jwks.json', { body: { keys: [key.publicJwk] } });
    const registered = await oauth.dynamicClientRegistration(
      new URL(auth.origin),
      {
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: 'https://docs.example/registered/jwks.json',
      },
      oauth.PrivateKeyJwt({ key: key.privateKey, kid: key.kid }),
      { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] },
    );
    expect(servers.requests).not.toContain('docs.example/registered/jwks.json');
    expect((await tokensOf(registered)).access_token).toBeDefined();
  });
});

describe('a document', () => {
  test.each([
    ['nothing', {}],
    ['none', { token_endpoint_auth_method: 'none' }],
    ['several in the plural', { token_endpoint_auth_methods: ['private_key_jwt', 'none'] }],
    ['several as supported', { token_endpoint_auth_methods_supported: ['none', 'other'] }],
  ])(
    'that names %s as its way to authenticate is that of a public client',
    async (name, fields) => {
      const id = publish(`/public/${encodeURIComponent(name)}`, fields);
      expect((await tokensOf(await client(id))).access_token).toBeDefined();
    },
  );

  test('that names private_key_jwt alone gets nothing without a signature', async () => {
    const key = await keyPair('only');
    const id = publish('/signed', {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.publicJwk] },
    });
    await expect(tokensOf(await client(id))).rejects.toMatchObject({ error: 'invalid_client' });
    const signed = await client(id, oauth.PrivateKeyJwt({ key: key.privateKey, kid: key.kid }));
    expect((await tokensOf(signed)).access_token).toBeDefined();
  });

  test('that goes away while somebody looks at the consent page is said to be gone', async () => {
    const id = publish('/leaves');
    const request = await authorization(await client(id));
    const consent = stayed(await browser.open(request.url.href));
    documents.delete('/leaves');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    try {
      const page = stayed(await browser.submit(formTo(consent, '/consent'), { decision: 'allow' }));
      expect(page.status).toBe(400);
      expect(textOf(page)).toContain('its address answered with 404');
    } finally {
      vi.useRealTimers();
    }
  });

  test('is read again with the keys it rotated to, and not with those it withdrew', async () => {
    const [old, fresh] = [await keyPair('a'), await keyPair('b')];
    const id = publish('/rotates', {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [old.publicJwk] },
    });
    const by = (key: typeof old) =>
      client(id, oauth.PrivateKeyJwt({ key: key.privateKey, kid: key.kid }));
    expect((await tokensOf(await by(old))).access_token).toBeDefined();
    publish('/rotates', {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [fresh.publicJwk] },
    });
    await forget(id);
    expect((await tokensOf(await by(fresh))).access_token).toBeDefined();
    await expect(tokensOf(await by(old))).rejects.toMatchObject({ error: 'invalid_client' });
  });

  test.each([
    ['another client_id', { client_id: 'https://docs.example/else' }, 'not its own address'],
    ['a secret', { client_secret: 'x' }, 'client secret'],
    ['a method with a secret', { token_endpoint_auth_method: 'client_secret_post' }, 'a secret'],
    ['a method without keys', { token_endpoint_auth_method: 'private_key_jwt' }, 'no keys'],
    ['an unknown method only', { token_endpoint_auth_method: 'tls_client_auth' }, 'neither none'],
    ['a private key', { jwks: { keys: [{ kty: 'EC', d: 'x' }] } }, 'kept secret'],
    ['keys in two places', { jwks: { keys: [] }, jwks_uri: 'https://docs.example/k' }, 'both'],
    ['keys at a plain address', { jwks_uri: 'http://docs.example/k' }, 'https'],
    [
      'a redirect elsewhere',
      { redirect_uris: [CALLBACK, 'https://evil.example/cb'] },
      'allow-list',
    ],
    ['no redirects', { redirect_uris: [] }, 'at least one'],
    ['NUL', { redirect_uris: ['http://localhost/\u0000'] }, 'not text'],
  ])('with %s is refused, and the page says why', async (name, fields, reason) => {
    const id = publish(`/refused/${encodeURIComponent(name)}`, fields);
    const { status, text } = await pageFor(id);
    expect(status).toBe(400);
    expect(text).toContain('This app could not be checked');
    expect(text).toContain('docs.example');
    expect(text).toContain(reason);
  });

  test.each([
    ['not there', '/missing', undefined, 'answered with 404'],
    ['not JSON', '/text', '<html>', 'not JSON'],
    ['a list', '/list', [], 'not a JSON object'],
    ['too large', '/large', { client_name: 'x'.repeat(20_000) }, 'larger than 16 KiB'],
  ])('that is %s is refused', async (_name, path, body, reason) => {
    if (body !== undefined) documents.set(path, { body });
    const { status, text } = await pageFor(`https://docs.example${path}`);
    expect({ status, text }).toMatchObject({ status: 400, text: expect.stringContaining(reason) });
  });

  test('shows a tidied name, and the host that it is from', async () => {
    const id = publish('/named', { client_name: 'Chat\u202eGPT\u200b\n official' });
    const { text } = await pageFor(id);
    expect(text).toContain('Connect ChatGPT official?');
    expect(text).toContain('The app is described by docs.example');
  });

  test('is answered only where it says, not at a connector of ChatGPT', async () => {
    const { status } = await pageFor(CHATGPT, {
      redirect_uri: 'https://chatgpt.com/connector/oauth/abc',
    });
    expect(status).toBe(400);
  });

  test('may live on this machine in plain http where the operator opened it, and nowhere else', async () => {
    expect((await pageFor('http://docs.example/x')).text).toContain('only https');
    expect((await pageFor('http://127.0.0.1:3999/x')).text).toContain('may not be called');
  });
});

describe('an attacker with a document', () => {
  test('gets no code from a signed-in victim without a posted consent, however often they allowed it before', async () => {
    const id = publish('/attacker', { client_name: 'ChatGPT' });
    const attacker = await client(id);
    await tokensOf(attacker);
    for (const params of [{}, { prompt: 'none' }, { prompt: 'login' }, { id_token_hint: 'x' }]) {
      const request = await authorization(attacker, params);
      for (let times = 0; times < 3; times++) {
        const page = await browser.open(request.url.href);
        if ('leftFor' in page) expect(page.leftFor.searchParams.has('code')).toBe(false);
        else expect(textOf(page)).not.toContain('Connected');
      }
    }
    const { rows } = await auth.admin.pool.query(
      'select count(*)::int as grants from oauth_grant where client_id = $1',
      [id],
    );
    expect(rows).toEqual([{ grants: 1 }]);
  });
});

describe('fetching', () => {
  test('happens once for many at once, and not again while it is fresh', async () => {
    const id = publish('/popular');
    await Promise.all(Array.from({ length: 10 }, () => pageFor(id)));
    await pageFor(id);
    expect(servers.requests.filter((each) => each.endsWith('/popular'))).toHaveLength(1);
  });

  test('happens again when it is no longer fresh, at most once a minute', async () => {
    const id = publish('/stale', {}, { 'cache-control': 'no-store' });
    await pageFor(id);
    await pageFor(id);
    expect(servers.requests.filter((each) => each.endsWith('/stale'))).toHaveLength(1);
    const { rows } = await auth.admin.pool.query(
      `select round(((payload->>'freshUntil')::float8 - (payload->>'fetchedAt')::float8) / 1000) as s
         from oidc_payload where kind = 'Client' and id = $1`,
      [id],
    );
    expect(rows[0].s).toBe(60);
  });

  test('that fails for the moment leaves connected apps as they are', async () => {
    const id = publish('/kept');
    const as = await client(id);
    const { refresh_token: token } = await tokensOf(as);
    await forget(id);
    servers.handle('docs.example', (_request, response) => void response.writeHead(503).end());
    expect((await oauth.refreshTokenGrant(as, token!)).access_token).toBeDefined();
    // One that was never known is told to come again.
    const unknown = await fetch(`${auth.origin}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: 'x',
        client_id: 'https://docs.example/never-seen',
      }),
    });
    expect(unknown.status).toBe(503);
    expect(Number(unknown.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await unknown.json()).toMatchObject({ error: 'temporarily_unavailable' });
  });

  test('that never ends is given up in time for an authorization to answer in ten seconds', async () => {
    let drip: NodeJS.Timeout | undefined;
    servers.handle('docs.example', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      drip = setInterval(() => response.write(' '), 100);
    });
    const began = performance.now();
    const { status, text } = await pageFor('https://docs.example/drips');
    clearInterval(drip);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(status).toBe(503);
    expect(text).toContain('could not be reached in time');
  });

  test('for one address has a limit, before anything is fetched', async () => {
    servers.handle('docs.example', (request, response) => {
      jsonAnswer(documents.get(request.url!)?.body ?? null)(request, response);
    });
    const before = servers.requests.length;
    const ask = (n: number) =>
      fetch(
        `${auth.origin}/oauth2/authorize?client_id=${encodeURIComponent(`https://docs.example/flood/${n}`)}`,
        {
          headers: { 'x-forwarded-for': '203.0.113.77' },
          redirect: 'manual',
        },
      );
    const statuses = [];
    for (let n = 0; n < 40; n++) statuses.push((await ask(n)).status);
    expect(statuses.slice(-5)).toEqual([503, 503, 503, 503, 503]);
    expect(servers.requests.length - before).toBeLessThanOrEqual(34);
  });
});

test('a signed assertion is good once, for this server, from its own client', async () => {
  const key = await keyPair('once');
  const id = publish('/assertions', { jwks: { keys: [key.publicJwk] } });
  const assertion = (claims: Record<string, unknown> = {}) =>
    new SignJWT({ iss: id, sub: id, aud: auth.origin, jti: crypto.randomUUID(), ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid })
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(key.privateKey);
  const send = async (client_assertion: string) => {
    const response = await fetch(`${auth.origin}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: 'unknown',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion,
      }),
    });
    return ((await response.json()) as { error: string }).error;
  };
  const one = await assertion();
  // Authenticated, and then its refresh token is not known: all at once, one of them.
  const answers = await Promise.all(Array.from({ length: 10 }, () => send(one)));
  expect(answers.filter((error) => error === 'invalid_grant')).toHaveLength(1);
  expect(answers.filter((error) => error === 'invalid_client')).toHaveLength(9);
  expect(await send(await assertion({ aud: `${auth.origin}/oauth2/token` }))).toBe('invalid_grant');
  expect(await send(await assertion({ aud: 'https://elsewhere.example' }))).toBe('invalid_client');
  expect(await send(await assertion({ iss: CHATGPT }))).toBe('invalid_client');
});

/** As if its time were over: in the table, and in the memory of the service. */
async function forget(id: string): Promise<void> {
  await auth.admin.pool.query(
    `update oidc_payload set payload = jsonb_set(payload, '{freshUntil}', '0') where kind = 'Client' and id = $1`,
    [id],
  );
  await auth.restart();
}
