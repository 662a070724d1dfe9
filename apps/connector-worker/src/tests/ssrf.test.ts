// Requests that an upstream's address, its name, its redirects or its words would have us send: none is.
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIP, Socket } from 'node:net';
import { ssrfCorpus } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { closeServers, serve, upstream, type Script } from './scripted-servers.js';
import { startTestWorker, type TestWorker } from './support.js';

const KINDS = ['mcp-http', 'mcp-sse'] as const;
const AT_ONCE = 16;

/** What names mean here; all others mean this machine. Called anew for each resolution. */
const names: Record<string, () => string[]> = {
  'private.test': () => ['10.1.1.1'],
  'mapped.test': () => ['::ffff:127.0.0.1'],
  'mixed.test': () => ['93.184.216.34', '127.0.0.1'],
  'last-private.test': () => ['93.184.216.34', '2606:2800:220:1::1', '::1'],
  'metadata.google.internal': () => ['169.254.169.254'],
  'empty.test': () => [],
};
/** By what they may call: starting one takes longer than most tests here. */
const workers = new Map<string, Promise<TestWorker>>();
let hits: string[] = [];
let target: number;

beforeAll(async () => {
  vi.spyOn(dns, 'lookup').mockImplementation(((host: string, _options: object, done: Done) => {
    const meant = isIP(host) ? () => [host] : names[host.replace(/\.$/, '')];
    const found = meant?.() ?? ['127.0.0.1', '::1'];
    const addresses = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    process.nextTick(() => done(null, addresses));
  }) as unknown as typeof dns.lookup);
  syncBuiltinESMExports();
  target = await serve((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    response.end();
  });
});
afterEach(() => {
  hits = [];
});
afterAll(async () => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  for (const worker of workers.values()) await (await worker).stop();
  closeServers();
});

type Done = (error: Error | null, addresses: object[]) => void;

function workerThatMay(...allow: string[]): Promise<TestWorker> {
  const known = workers.get(allow.join());
  if (known) return known;
  const started = startTestWorker({ OUTBOUND_ALLOW: allow });
  workers.set(allow.join(), started);
  return started;
}

/** Lists tools and calls one; what came of both. */
async function use(worker: TestWorker, kind: (typeof KINDS)[number], url: string) {
  const connectionId = await worker.connect({ kind, url });
  const { status } = await worker.client.refresh({ tenantId: worker.tenantId, connectionId });
  const { outcome, resultJson } = await worker.call(connectionId, 'x', {}, { timeoutMs: 3_000 });
  return { connectionId, status, outcome, resultJson };
}

describe('with nothing opened', () => {
  it.each(KINDS)(
    'no spelling of a private address is connected to, by listing or by calling (%s)',
    async (kind) => {
      const worker = await workerThatMay();
      const { tenantId } = worker;
      const connect = vi.spyOn(Socket.prototype, 'connect');
      const urls = ssrfCorpus().map((host) =>
        /[#?]/.test(host) ? `http://${host}` : `http://${host}:${target}/mcp`,
      );
      const odd: string[] = [];
      let next = 0;
      const work = async () => {
        while (next < urls.length) {
          const url = urls[next++]!;
          const connectionId = await worker.connect({ kind, url });
          // By turns, and the other way round for the other kind.
          const said =
            (next % 2 === 0) === (kind === 'mcp-http')
              ? (await worker.client.refresh({ tenantId, connectionId })).status
              : (await worker.call(connectionId, 'x')).outcome;
          if (said !== 'ERROR' && said !== 'unavailable') odd.push(`${url}: ${said}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      // Only undici brings a resolver of its own: Postgres and the gateway's connection have none.
      const opened = connect.mock.calls.map(portOf).filter((to) => to.ours);
      connect.mockRestore();
      expect(next).toBeGreaterThanOrEqual(200);
      expect([odd, opened, hits]).toEqual([[], [], []]);
    },
    60_000,
  );

  it('the same listener is reached when this machine is open: the spellings could have reached it', async () => {
    const worker = await workerThatMay('loopback');
    const connect = vi.spyOn(Socket.prototype, 'connect');
    for (const kind of KINDS) await use(worker, kind, `http://127.0.0.1:${target}/${kind}`);
    const opened = connect.mock.calls.map(portOf).filter((to) => to.ours);
    connect.mockRestore();
    expect(hits.join()).toMatch(/POST \/mcp-http.*GET \/mcp-sse/);
    expect(opened.length).toBeGreaterThan(0);
  });
});

/** Where a socket goes, and whether it is one of upstream connections. */
function portOf(args: unknown[]): { ours: boolean; to: unknown } {
  const [options] = (Array.isArray(args[0]) ? args[0] : args) as [
    { lookup?: { name: string }; host?: string; port?: unknown },
  ];
  return { ours: typeof options?.lookup === 'function', to: [options?.host, options?.port] };
}

describe('a name that changes its address', () => {
  it.each(KINDS)(
    'reaches nothing but what was checked, at whatever step it changes (%s)',
    async (kind) => {
      const worker = await workerThatMay('127.0.0.1');
      const port = await upstream({ keepAlive: false });
      await serve(
        (request, response) => (hits.push(request.url!), response.end()),
        '127.0.0.2',
        port,
      );
      const results = new Set<string>();
      for (let honest = 0; honest < 6; honest++) {
        let asked = 0;
        const name = `rebinding-${kind}-${honest}.test`;
        names[name] = () => (asked++ < honest ? ['127.0.0.1'] : ['127.0.0.2']);
        const { status, outcome } = await use(worker, kind, `http://${name}:${port}/${kind}`);
        results.add(`${status} ${outcome}`);
        // One private address among good ones spoils them all.
        names[`mixed-${name}`] = () => ['127.0.0.1', '127.0.0.2'];
        expect((await use(worker, kind, `http://mixed-${name}:${port}/${kind}`)).outcome).toBe(
          'unavailable',
        );
      }
      expect(results).toContain('ERROR unavailable');
      expect(hits).toEqual([]);
    },
  );
});

describe('a redirect', () => {
  // The target may be called: it is not reached only because nothing is followed.
  const STEPS = [
    'GET',
    'DELETE',
    'server/discover',
    'initialize',
    'notifications/initialized',
    'tools/list',
    'tools/call',
  ];
  it.each(KINDS)(
    'is followed at no step, with no status, to no place (%s)',
    async (kind) => {
      const worker = await workerThatMay('loopback');
      const own: string[] = [];
      let fine = 0;
      await Promise.all(
        STEPS.flatMap((step) =>
          [301, 302, 303, 307, 308].map(async (status) => {
            const port = await upstream({
              say: (request, response, method) => {
                if (request.url!.includes('next')) own.push(request.url!);
                if (step !== (method ?? request.method)) return false;
                // The first of a chain that would end at the target.
                const to = status === 303 ? `http://127.0.0.1:${target}/${step}` : `/${kind}/next`;
                response.writeHead(status, {
                  location: status === 301 ? `//127.0.0.1:${target}/` : to,
                });
                response.end();
                return true;
              },
            });
            if ((await use(worker, kind, `http://127.0.0.1:${port}/${kind}`)).outcome === 'ok')
              fine++;
          }),
        ),
      );
      expect([own, hits]).toEqual([[], []]);
      // Some steps are not needed for a call; were none answered, the later ones would not have been reached.
      expect(fine).toBeGreaterThan(0);
    },
    30_000,
  );
});

describe('what a server says', () => {
  const url = () => `http://127.0.0.1:${target}/said`;
  it.each(KINDS)(
    'is fetched nowhere: links, icons, schemas, metadata of sign-ins (%s)',
    async (kind) => {
      const worker = await workerThatMay('loopback');
      const icons = [{ src: url(), mimeType: 'image/png' }];
      const schema = {
        type: 'object',
        $schema: url(),
        $id: url(),
        properties: { a: { $ref: url() } },
      };
      const said: Script = {
        headers: {
          link: `<${url()}>; rel="describedby"`,
          'content-location': url(),
          refresh: `0; url=${url()}`,
          location: url(),
        },
        tools: [
          {
            name: 'x',
            icons,
            inputSchema: schema,
            outputSchema: { $ref: url() },
            _meta: { 'ui/resourceUri': url() },
          },
        ],
        result: {
          icons,
          websiteUrl: url(),
          nextCursor: undefined,
          content: [
            { type: 'resource_link', uri: url(), name: 'x' },
            { type: 'resource', resource: { uri: url(), text: 'x' } },
          ],
          structuredContent: { $ref: url() },
          _meta: { url: url() },
        },
      };
      const port = await upstream(said);
      const { status, outcome, resultJson } = await use(
        worker,
        kind,
        `http://127.0.0.1:${port}/${kind}`,
      );
      expect([status, outcome]).toEqual(['ACTIVE', 'ok']);
      expect(resultJson).toContain(url());
      const guarded = await upstream({
        say: (_request, response) => {
          const challenge = `Bearer resource_metadata="${url()}", authorization_uri="${url()}"`;
          response.writeHead(401, { 'www-authenticate': challenge, link: `<${url()}>` }).end();
          return true;
        },
      });
      expect((await use(worker, kind, `http://127.0.0.1:${guarded}/${kind}`)).status).toBe(
        'AUTH_REQUIRED',
      );
      expect(hits).toEqual([]);
    },
  );

  it('of where to post is heeded for no other origin, in no spelling', async () => {
    const worker = await workerThatMay('loopback');
    // Of each way of writing some: that all of them are of another origin needs no server.
    const hosts = ssrfCorpus().filter((_host, at) => at % 6 === 0);
    let next = 0;
    const taken: string[] = [];
    let endpoint = '';
    const port = await serve((request, response) => {
      if (request.method !== 'GET') return void response.writeHead(202).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const said = decodeURIComponent(new URL(request.url!, 'http://x').searchParams.get('say')!);
      response.write(`event: endpoint\ndata: ${said}\n\n`);
    });
    const work = async () => {
      while (next < hosts.length) {
        endpoint = `http://${hosts[next++]!}:${target}/post`;
        const address = `http://127.0.0.1:${port}/mcp-sse?say=${encodeURIComponent(endpoint)}`;
        const id = await worker.connect({ kind: 'mcp-sse', url: address });
        const { outcome } = await worker.call(id, 'x', {}, { timeoutMs: 1_000 });
        if (outcome !== 'unavailable') taken.push(`${endpoint}: ${outcome}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect([taken, hits]).toEqual([[], []]);
  }, 60_000);
});
