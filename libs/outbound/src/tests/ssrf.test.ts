import { createServer as createHttp } from 'node:http';
import { createServer, type Server, Socket } from 'node:net';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createOutbound, type Outbound, type OutboundOptions } from '../index.js';
import type { Resolve } from '../guarded-connector.js';
import { ssrfCorpus } from '@conducktor/testing';

const port = 20_440;
const listeners: Server[] = [];
let hits = 0;
const closing: Outbound[] = [];

const names: Record<string, string[]> = {
  'private.test': ['10.1.1.1'],
  'mapped.test': ['::ffff:127.0.0.1'],
  'mixed.test': ['93.184.216.34', '127.0.0.1'],
  'last-private.test': ['93.184.216.34', '2606:2800:220:1::1', '::1'],
  'metadata.google.internal': ['169.254.169.254'],
  '127.0.0.1.nip.test': ['127.0.0.1'],
  'empty.test': [],
};
const resolve: Resolve = async (host) =>
  (names[host.replace(/\.$/, '')] ?? ['127.0.0.1', '::1']).map((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
  }));

function outbound(options: Partial<OutboundOptions> = {}): Outbound {
  const made = createOutbound({
    allow: [],
    denyPorts: [],
    resolve,
    connectTimeoutMs: 1_000,
    headersTimeoutMs: 1_000,
    ...options,
  });
  closing.push(made);
  return made;
}

/** TCP connects of this process, whatever opened them. */
function countConnects(): { readonly count: number } {
  const spy = vi.spyOn(Socket.prototype, 'connect');
  return {
    get count() {
      return spy.mock.calls.length;
    },
  };
}

beforeAll(async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer((socket) => {
      hits++;
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
    });
    const up = await new Promise<boolean>((done) => {
      server.once('error', () => done(false));
      server.listen(port, host, () => done(true));
    });
    if (up) listeners.push(server);
  }
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of closing.splice(0)) await one.close();
  hits = 0;
});
afterAll(() => listeners.forEach((server) => server.close()));

describe('with nothing opened', () => {
  const corpus = ssrfCorpus();

  it('the corpus has at least 200 spellings', () =>
    expect(corpus.length).toBeGreaterThanOrEqual(200));

  it('no spelling of a private address opens a connection, by request or by fetch', async () => {
    const out = outbound();
    const connects = countConnects();
    const opened: string[] = [];
    for (const host of corpus) {
      const url =
        host.includes('#') || host.includes('?') ? `http://${host}` : `http://${host}:${port}/mcp`;
      const before = connects.count;
      for (const attempt of [
        () => request(url, { dispatcher: out.dispatcher }),
        () => out.fetch(url),
        () => out.fetch(url.replace('http:', 'https:')),
      ]) {
        const answered = await attempt().then(
          () => true,
          () => false,
        );
        if (answered || connects.count > before) opened.push(host);
      }
    }
    expect(opened).toEqual([]);
    expect(hits).toBe(0);
  });

  it('the same listener answers when loopback is open, so the corpus could have reached it', async () => {
    const out = outbound({ allow: ['loopback'] });
    const connects = countConnects();
    expect(
      (await request(`http://127.0.0.1:${port}/`, { dispatcher: out.dispatcher })).statusCode,
    ).toBe(200);
    expect((await out.fetch(`http://localhost:${port}/`)).status).toBe(200);
    expect(hits).toBe(2);
    expect(connects.count).toBeGreaterThanOrEqual(2);
  });

  it.each([
    'ftp://93.184.216.34/',
    'file:///etc/passwd',
    'gopher://93.184.216.34/',
    'data:text/plain,x',
    'unix:/tmp/x',
    'http://user:pw@93.184.216.34/',
  ])('fetch refuses %s', async (url) => {
    const connects = countConnects();
    await expect(outbound().fetch(url)).rejects.toThrow();
    expect(connects.count).toBe(0);
  });

  it('a name that changes its answer between the check and the next connection reaches nothing private', async () => {
    let asked = 0;
    // First public, then private for ever: what a rebinding resolver does.
    const rebinding: Resolve = async () => [
      { address: asked++ === 0 ? '93.184.216.34' : '127.0.0.1', family: 4 },
    ];
    const targets: unknown[] = [];
    vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (
      this: Socket,
      ...args: unknown[]
    ) {
      const [options] = (Array.isArray(args[0]) ? args[0] : args) as [
        { lookup?: (host: string, o: object, cb: (e: null, list: unknown) => void) => void },
      ];
      options.lookup?.('rebinding.test', { all: true }, (_error, list) => targets.push(list));
      process.nextTick(() => this.destroy(new Error('no network in this test')));
      return this;
    });
    const out = outbound({ resolve: rebinding });
    for (let i = 0; i < 20; i++)
      await request(`http://rebinding.test:${port}/`, { dispatcher: out.dispatcher }).catch(
        () => {},
      );
    // One connection, to the very address that was checked.
    expect(targets).toEqual([[{ address: '93.184.216.34', family: 4 }]]);
    expect(asked).toBe(20);
    expect(hits).toBe(0);
  });
});

describe('redirects', () => {
  it('are handed back and not followed, to no origin and with no method', async () => {
    let second = 0;
    const target = createHttp((_req, res) => (second++, res.end())).listen(port + 2, '127.0.0.1');
    const first = createHttp((_req, res) =>
      res.writeHead(307, { location: `http://127.0.0.1:${port + 2}/` }).end(),
    ).listen(port + 1, '127.0.0.1');
    const out = outbound({ allow: ['loopback'] });
    const answer = await request(`http://127.0.0.1:${port + 1}/`, {
      method: 'POST',
      body: 'secret',
      dispatcher: out.dispatcher,
    });
    expect(answer.statusCode).toBe(307);
    await answer.body.dump();
    const fetched = await out.fetch(`http://127.0.0.1:${port + 1}/`, { redirect: 'follow' });
    expect(fetched.status).toBe(307);
    await expect(
      out.fetch(`http://127.0.0.1:${port + 1}/`, { redirect: 'error' }),
    ).rejects.toThrow();
    expect(second).toBe(0);
    first.close();
    target.close();
  });
});

describe('bounds', () => {
  it('a body over the cap ends in an error', async () => {
    const server = createHttp((_req, res) => res.end('x'.repeat(10_000))).listen(
      port + 1,
      '127.0.0.1',
    );
    const out = outbound({ allow: ['loopback'], maxResponseBytes: 1_000 });
    const answer = await request(`http://127.0.0.1:${port + 1}/`, { dispatcher: out.dispatcher });
    await expect(answer.body.text()).rejects.toThrow();
    server.close();
  });

  it('a server that never answers is given up', async () => {
    const server = createHttp(() => {}).listen(port + 1, '127.0.0.1');
    const out = outbound({ allow: ['loopback'], headersTimeoutMs: 200 });
    await expect(
      request(`http://127.0.0.1:${port + 1}/`, { dispatcher: out.dispatcher }),
    ).rejects.toThrow(/timeout/i);
    server.closeAllConnections();
    server.close();
  });

  it('a name that never resolves is given up', async () => {
    const out = outbound({ resolve: () => new Promise(() => {}), connectTimeoutMs: 100 });
    await expect(request('http://slow.test/', { dispatcher: out.dispatcher })).rejects.toThrow(
      'not resolved in time',
    );
  });
});
