// Clients that hold, flood, forge and smuggle, over bare sockets: refused in bounds, nothing reaches
// an upstream, and others are served meanwhile.
import { connect as dial, type Socket } from 'node:net';
import { rawMcp, startHostileUpstream, type HostileUpstream } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openAskedSession } from './support/asked-client.js';
import { MemoryWatch, Neighbour } from './support/neighbour.js';
import { coded, onTheWire } from './support/wire.js';
import { connect, openWorld, type World } from './support/world.js';

let world: World;
let victim: World;
let hostile: HostileUpstream;
let neighbour: Neighbour;
let memory: MemoryWatch;
const sockets: Socket[] = [];
beforeAll(async () => {
  [world, victim, hostile] = await Promise.all([openWorld(), openWorld(), startHostileUpstream()]);
  await connect(world.rest, 'hos', hostile.url('modern'));
  await connect(world.rest, 'pages', hostile.url('modern', { lists: 'three_pages' }));
  memory = new MemoryWatch(world.stack.dataDir);
  neighbour = new Neighbour(victim);
});
afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));
afterAll(() => Promise.all([world.close(), victim.close(), hostile.close()]));

const bearer = (token: string) => ['authorization', `Bearer ${token}`];
const JSON_LINES = [
  'content-type',
  'application/json',
  'accept',
  'application/json, text/event-stream',
];
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const mine = () => world.workspace.member.apiKey;
const ping = '{"jsonrpc":"2.0","id":0,"method":"ping"}';

/** A socket of our own that sends this and goes on when `enough` of the answer is there, or it is over. */
function raw(bytes: string | Buffer, enough: RegExp = /\r\n\r\n/): Promise<string> {
  const { hostname, port } = new URL(world.mcp);
  const socket = dial(Number(port), hostname);
  sockets.push(socket);
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (enough.test(text)) resolve(text);
    });
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}
const head = (lines: string[], path = '/mcp') =>
  [`POST ${path} HTTP/1.1`, `host: ${new URL(world.mcp).host}`, ...lines, '', ''].join('\r\n');

describe('streams', () => {
  const open = (token: string, session?: string) =>
    raw(
      [
        `GET /mcp HTTP/1.1`,
        `host: ${new URL(world.mcp).host}`,
        'accept: text/event-stream',
        `authorization: Bearer ${token}`,
        ...(session ? [`mcp-session-id: ${session}`] : []),
        '',
        '',
      ].join('\r\n'),
    ).then((text) => Number(text.slice(9, 12)));

  test('by the hundred: fifty for one person, and others still get theirs', async () => {
    const statuses = await Promise.all(Array.from({ length: 300 }, () => open(mine())));
    expect(statuses.filter((status) => status === 200)).toHaveLength(50);
    expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
    expect(await open(world.workspace.contractor.apiKey)).toBe(200);
  });

  test('of sessions that are not theirs, forged or none: not found', async () => {
    const session = await openAskedSession(world.mcp, mine());
    const forged = `${session.slice(0, -1)}${session.endsWith('A') ? 'B' : 'A'}`;
    for (const [token, id] of [
      [world.workspace.contractor.apiKey, session],
      [victim.workspace.member.apiKey, session],
      [mine(), forged],
      [mine(), 'x'.repeat(68)],
      [mine(), '../../etc'],
    ] as const) {
      expect(await open(token, id), id).toBe(404);
      for (const [method, body] of [
        ['DELETE', undefined],
        ['POST', ping],
        ['POST', '{"jsonrpc":"2.0","id":"ask.1","result":{"action":"accept"}}'],
      ] as const) {
        const lines = [...JSON_LINES, ...bearer(token), 'mcp-session-id', id];
        expect((await onTheWire(world.mcp, lines, body, { method })).status, id).toBe(404);
      }
    }
    expect(await open(mine(), session)).toBe(200);
  });

  test('that listen to ten thousand resources are refused', async () => {
    const uris = Array.from({ length: 10_000 }, (_, n) => `hos+hostile://fine/${n}`);
    const answer = await rawMcp(
      world.mcp,
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: uris } },
      { token: mine() },
    );
    expect(answer.message?.error?.code).toBe(-32_602);
  });
});

describe('every method', () => {
  const METHODS: [string, Record<string, unknown>][] = [
    ['server/discover', {}],
    ['tools/list', {}],
    ['resources/list', {}],
    ['resources/templates/list', {}],
    ['prompts/list', {}],
    ['tools/call', { name: 'hos_fine', arguments: {} }],
    ['resources/read', { uri: 'hos+hostile://fine/1' }],
    ['prompts/get', { name: 'hos_fine' }],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'hos_fine' }, argument: { name: 'a', value: 'b' } },
    ],
    [
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: ['hos+hostile://fine/1'] } },
    ],
  ];

  test.each(METHODS)('%s is refused when a header disagrees', async (method, params) => {
    const before = hostile.seen.length;
    const name = params['name'] ?? params['uri'];
    const honest = {
      'mcp-method': method,
      ...(name !== undefined && { 'mcp-name': String(name) }),
    };
    const wrong: Record<string, string>[] = [
      { ...honest, 'mcp-method': method === 'tools/list' ? 'tools/call' : 'tools/list' },
      { ...honest, 'mcp-method': method.toUpperCase() },
      { ...honest, 'mcp-method': '' },
      { ...honest, 'mcp-protocol-version': '2025-06-18' },
      ...(name === undefined
        ? []
        : [
            { ...honest, 'mcp-name': 'hos_other' },
            { ...honest, 'mcp-name': '' },
          ]),
    ];
    for (const headers of wrong) {
      const answer = await rawMcp(world.mcp, method, params, { token: mine(), headers });
      expect([answer.status, answer.message?.error?.code], JSON.stringify(headers)).toEqual([
        400, -32_020,
      ]);
    }
    // Streams of other tests have the worker watch the lists, whenever it gets to it.
    const own = hostile.seen
      .slice(before)
      .filter(({ body, message }) => message.method !== 'stream' && !watchesLists(body));
    expect(own.map(({ message }) => message.method)).toEqual([]);
  });

  const watchesLists = (body: string) =>
    body.includes('"subscriptions/listen"') && !body.includes('hostile://');
});

test('a cursor is good for its own person, list and path, unchanged', async () => {
  const page = (token: string, cursor?: unknown, method = 'resources/list') =>
    rawMcp(world.mcp, method, cursor === undefined ? {} : { cursor }, { token });
  const cursor = String((await page(mine())).message?.result?.['nextCursor']);
  expect(cursor.length).toBeGreaterThan(40);
  const [payload, tag] = cursor.split('.') as [string, string];
  const rows = JSON.parse(Buffer.from(payload, 'base64url').toString()) as unknown[][];
  const forged = Buffer.from(JSON.stringify([[rows[0]![0], 'evil', 0, 0]])).toString('base64url');
  const before = hostile.seen.length;
  for (const [token, given, method] of [
    [world.workspace.contractor.apiKey, cursor, undefined],
    [victim.workspace.member.apiKey, cursor, undefined],
    [mine(), cursor, 'prompts/list'],
    [mine(), `${forged}.${tag}`, undefined],
    [mine(), `${payload}.`, undefined],
    [mine(), payload, undefined],
    [mine(), `${cursor}.x`, undefined],
    [mine(), '', undefined],
    [mine(), 7, undefined],
    [mine(), { a: 1 }, undefined],
    [mine(), 'x'.repeat(1_000_000), undefined],
  ] as const) {
    const { message } = await page(token, given, method);
    expect(message?.error?.code, String(given).slice(0, 60)).toBe(-32_602);
  }
  expect(hostile.seen.length).toBe(before);
  expect((await page(mine(), cursor)).message?.result?.['resources']).toHaveLength(1);
});

describe('JSON that costs more than it looks', () => {
  const two = 2 * 1024 * 1024 - 200;
  const envelope = (params: string) =>
    `{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":"hos_fine","arguments":${params}}}`;
  test.each([
    ['brackets', '['.repeat(two), 400],
    ['braces', '{"a":'.repeat(two / 5), 400],
    ['closed brackets', `${'['.repeat(two / 2)}${']'.repeat(two / 2)}`, 400],
    ['nested arguments', envelope(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`), 400],
    ['a number of a million digits', envelope(`{"a":${'9'.repeat(1_000_000)}}`), 400],
    ['a number with a huge exponent', envelope('{"a":1e999999999}'), 400],
    ['quotes and backslashes', `"${'\\"'.repeat(two / 2)}`, 400],
    ['blanks', ' '.repeat(two), 400],
    ['an endless string', `"${'\\u0000'.repeat(two / 6)}`, 400],
    ['numbers', `[${'1,'.repeat(two / 2)}1]`, 400],
    ['as many batched pings', `[${`${ping},`.repeat(20_000)}${ping}]`, 400],
  ])('%s', async (_what, body, status) => {
    const before = hostile.seen.length;
    const started = performance.now();
    const lines = [...JSON_LINES, ...bearer(mine()), 'mcp-protocol-version', '2025-06-18'];
    const answer = await onTheWire(world.mcp, lines, body);
    expect(answer.status).toBe(status);
    expect(coded(answer.message, 'code')).toBe('invalid_request');
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(hostile.seen.length).toBe(before);
  });
});

describe('bytes that are no honest HTTP', () => {
  const auth = () => `authorization: Bearer ${mine()}`;
  const call = JSON.stringify({
    jsonrpc: '2.0',
    id: 0,
    method: 'tools/call',
    params: { name: 'hos_fine', arguments: {}, _meta: ENVELOPE },
  });
  const modern = [
    'mcp-protocol-version: 2026-07-28',
    'mcp-method: tools/call',
    'mcp-name: hos_fine',
  ];
  const honest = () => ['content-type: application/json', auth(), ...modern];

  test('are refused, and no second request hides in them', async () => {
    const length = `content-length: ${call.length}`;
    const before = hostile.seen.length;
    const cases: Record<string, string> = {
      'two lengths': head([...honest(), length, 'content-length: 5']) + call,
      'length and chunks': `${head([...honest(), length, 'transfer-encoding: chunked'])}0\r\n\r\n${call}`,
      'a folded header': head([...honest(), 'x-folded: a\r\n mcp-name: hos_other', length]) + call,
      'a bare line feed': head([...honest(), length]).replace(/\r\n/, '\n') + call,
      'a NUL in a header': head([...honest(), 'x-nul: a\0b', length]) + call,
      'a blank before the colon': head([...honest(), 'mcp-name : hos_other', length]) + call,
      'a negative length': head([...honest(), 'content-length: -1']) + call,
      'a chunk of no number': `${head([...honest(), 'transfer-encoding: chunked'])}zz\r\n${call}`,
      'headers of 100 kB': head([...honest(), `x-large: ${'h'.repeat(100_000)}`, length]) + call,
      'ten thousand headers':
        head([...honest(), ...Array.from({ length: 10_000 }, (_, n) => `x${n}: 1`), length]) + call,
      'HTTP/0.9': `GET /mcp\r\n\r\n`,
      TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'HTTP/2 without asking': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'another Host':
        head([...honest(), length]).replace(/host: [^\r]+/, 'host: evil.example') + call,
      'two Hosts': head([...honest(), 'host: evil.example', length]) + call,
      'no Host': head([...honest(), length]).replace(/host: [^\r]+\r\n/, '') + call,
    };
    const answers = await Promise.all(
      Object.entries(cases).map(async ([what, bytes]) => [what, (await raw(bytes)).slice(9, 12)]),
    );
    const bad = answers.filter(([, status]) => !/^(4\d\d|)$/.test(status!));
    expect(bad).toEqual([]);
    expect(hostile.seen.slice(before).map(({ message }) => message.method)).toEqual([]);
    const good = await raw(head([...honest(), `content-length: ${call.length}`]) + call);
    expect(good).toMatch(/^HTTP\/1\.1 200/);
  });

  test('a hundred requests in one write are answered one by one, in order', async () => {
    const one = (id: number) => {
      const body = ping.replace('"id":0', `"id":${id}`);
      return (
        head(['content-type: application/json', auth(), `content-length: ${body.length}`]) + body
      );
    };
    const text = await raw(Array.from({ length: 100 }, (_, n) => one(n)).join(''), /"id":99,/);
    const ids = [...text.matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id));
    expect(ids).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });
});

test('five hundred clients that never finish their request hinder nobody', async () => {
  const half = head([
    'content-type: application/json',
    `authorization: Bearer ${mine()}`,
    'content-length: 2000000',
  ]);
  const started: Promise<string>[] = [];
  for (let n = 0; n < 500; n++)
    started.push(raw(n % 2 === 0 ? half.slice(0, 40 + (n % 60)) : `${half}{"jsonrpc":"2.0",`));
  const before = neighbour.latencies.length;
  await expect
    .poll(() => neighbour.latencies.length, { timeout: 30_000 })
    .toBeGreaterThan(before + 20);
  expect(Math.max(...neighbour.latencies.slice(before))).toBeLessThan(10_000);
});

test('nobody else was harmed, and nothing was kept', async () => {
  const { calls, p50, max } = await neighbour.stop();
  const growth = memory.stop();
  console.log(`neighbour: ${calls} calls, p50 ${p50} ms, longest ${max} ms; ${growth.words}`);
  expect(neighbour.failures).toEqual([]);
  expect(max).toBeLessThan(10_000);
  expect(growth.largestMb, growth.words).toBeLessThan(400);
});
