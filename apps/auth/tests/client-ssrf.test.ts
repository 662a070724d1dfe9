import { createServer, type Server, Socket } from 'node:net';
import { createOutbound, type Outbound } from '@conducktor/outbound';
import { jsonAnswer, ssrfCorpus, startNamedServers, type NamedServers } from '@conducktor/testing';
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CALLBACK, startAuth, type AuthService } from './harness.js';

// What an attacker names must not be reached: neither as a client id nor as the address of keys. The
// listener counts whatever arrives on it, and so does every connection that this process opens to it.
const corpus = ssrfCorpus();
const listeners: Server[] = [];
let port: number;
let hits = 0;
let asked = 0;
let servers: NamedServers;
let outbound: Outbound;
let auth: AuthService;

beforeAll(async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer((socket) => {
      hits++;
      socket.destroy();
    });
    const up = await new Promise<boolean>((done) => {
      server.once('error', () => done(false));
      server.listen(port ?? 0, host, () => done(true));
    });
    if (up) listeners.push(server);
    port ??= (server.address() as { port: number }).port;
  }
  servers = await startNamedServers({
    'docs.example': (request, response) => {
      if (request.url === '/redirects') {
        return void response.writeHead(302, { location: `http://127.0.0.1:${port}/x` }).end();
      }
      const index = request.url!.split('/').at(-1)!;
      const uri =
        index === 'redirected' ? 'https://docs.example/redirects' : at('https', corpus[+index]!);
      jsonAnswer({
        client_id: `https://docs.example${request.url}`,
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: uri,
      })(request, response);
    },
  });
  outbound = createOutbound({
    ...servers.outbound,
    // Every name is this machine, but for one that is public when it is checked for the first time.
    resolve: async (host) => {
      if (host === 'docs.example') return servers.outbound.resolve(host);
      if (host === 'rebinding.example') {
        return [{ address: asked++ === 0 ? '93.184.216.34' : '127.0.0.1', family: 4 }];
      }
      return [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ];
    },
    connectTimeoutMs: 300,
  });
  auth = await startAuth({}, { outbound });
});
afterAll(async () => {
  await auth.stop();
  await outbound.close();
  await servers.close();
  listeners.forEach((server) => server.close());
});

/** Connections that were tried to the listener's port. */
function tries(): { count: number } {
  const seen = { count: 0 };
  const connect = Socket.prototype.connect;
  vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args) {
    const [first] = (Array.isArray(args[0]) ? args[0] : args) as unknown as [{ port?: unknown }];
    if (Number(first?.port) === port) seen.count++;
    return connect.apply(this, args as never);
  } as typeof connect);
  return seen;
}

/** The listener under this spelling. */
const at = (scheme: string, host: string) =>
  /[#?]/.test(host) ? `${scheme}://${host}` : `${scheme}://${host}:${port}/client.json`;

async function together<Item>(
  items: Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

let caller = 0;
/** Each from an address of its own, whose allowance is whole. */
const from = () => ({ 'x-forwarded-for': `198.51.${(caller >> 8) & 255}.${caller++ & 255}` });

async function authorize(clientId: string): Promise<number> {
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: CALLBACK,
    response_type: 'code',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  });
  const response = await fetch(`${auth.origin}/oauth2/authorize?${query}`, {
    headers: from(),
    redirect: 'manual',
  });
  await response.text();
  return response.status;
}

describe('a client id', () => {
  test('in 200 spellings of a private address, and as a browser would write them, opens nothing', async () => {
    expect(corpus.length).toBeGreaterThanOrEqual(200);
    const opened = tries();
    const letIn: string[] = [];
    const ids = corpus.flatMap((host) => [at('https', host), URL.parse(at('https', host))?.href]);
    // Plain http is for the spellings of this very machine.
    const local = corpus.flatMap((host) => URL.parse(at('http', host))?.href ?? []);
    const all = [...ids, ...local.filter((id) => /localhost|127\.0\.0\.1|\[::1\]/.test(id))];
    await together([...new Set(all)], 8, async (id) => {
      if (id !== undefined && ![400, 503].includes(await authorize(id))) letIn.push(id);
    });
    vi.restoreAllMocks();
    expect(letIn).toEqual([]);
    expect({ hits, tried: opened.count }).toEqual({ hits: 0, tried: 0 });
  });

  test('whose name changes its address after the check reaches nothing private', async () => {
    const targets: unknown[] = [];
    const connect = Socket.prototype.connect;
    vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args) {
      const [options] = (Array.isArray(args[0]) ? args[0] : args) as unknown as [
        {
          host?: string;
          lookup?: (h: string, o: object, cb: (e: null, l: unknown) => void) => void;
        },
      ];
      if (options.host !== 'rebinding.example') return connect.apply(this, args as never);
      options.lookup?.(options.host, { all: true }, (_error, list) => targets.push(list));
      process.nextTick(() => this.destroy(new Error('no network in this test')));
      return this;
    } as typeof connect);
    for (let n = 0; n < 5; n++) {
      expect([400, 503]).toContain(await authorize(`https://rebinding.example:${port}/c/${n}`));
    }
    vi.restoreAllMocks();
    expect(targets).toEqual([[{ address: '93.184.216.34', family: 4 }]]);
    expect(asked).toBe(5);
    expect(hits).toBe(0);
  });

  test('that redirects to a private address is not followed', async () => {
    const opened = tries();
    expect(await authorize('https://docs.example/redirects')).toBe(400);
    vi.restoreAllMocks();
    expect({ hits, tried: opened.count }).toEqual({ hits: 0, tried: 0 });
  });
});

describe('an address of keys', () => {
  let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  beforeAll(async () => {
    ({ privateKey } = await generateKeyPair('ES256'));
  });

  async function signFor(clientId: string): Promise<{ status: number; error: string }> {
    const assertion = await new SignJWT({ iss: clientId, sub: clientId, aud: auth.origin })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
    const response = await fetch(`${auth.origin}/oauth2/token`, {
      method: 'POST',
      headers: from(),
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: 'x',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }),
    });
    return { status: response.status, ...((await response.json()) as { error: string }) };
  }

  test('in 200 spellings of a private address opens nothing', async () => {
    const opened = tries();
    const wrong: unknown[] = [];
    const before = servers.requests.length;
    await together([...corpus.keys()], 3, async (index) => {
      const { error } = await signFor(`https://docs.example/keys/${index}`);
      if (!['invalid_client', 'temporarily_unavailable'].includes(error)) {
        wrong.push([corpus[index], error]);
      }
    });
    vi.restoreAllMocks();
    expect(wrong).toEqual([]);
    // Each document was read, so it was its keys that were refused.
    expect(servers.requests.length - before).toBe(corpus.length);
    expect({ hits, tried: opened.count }).toEqual({ hits: 0, tried: 0 });
  });

  test('that redirects to a private address is not followed', async () => {
    const opened = tries();
    expect(await signFor('https://docs.example/keys/redirected')).toMatchObject({
      error: 'invalid_client',
      status: 400,
    });
    vi.restoreAllMocks();
    expect({ hits, tried: opened.count }).toEqual({ hits: 0, tried: 0 });
  });
});

test('the same listener is reached when the operator opens loopback, so the corpus could have reached it', async () => {
  const open = createOutbound({ allow: ['loopback'], denyPorts: [] });
  const service = await startAuth({}, { outbound: open });
  try {
    const query = new URLSearchParams({ client_id: `http://127.0.0.1:${port}/client.json` });
    await fetch(`${service.origin}/oauth2/authorize?${query}`, { redirect: 'manual' });
    expect(hits).toBe(1);
  } finally {
    await service.stop();
    await open.close();
  }
});
