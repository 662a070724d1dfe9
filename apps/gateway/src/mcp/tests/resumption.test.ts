// Clients of 2025-11-25 whose connection broke in the middle of a POST's event stream.
import { startFaultProxy, startRoundRobin } from '@conducktor/testing';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openEvents, type Events } from './support/events.js';
import { connected, newSessionKey, startGateway, type TestGateway } from './support/gateway.js';
import { beginSession, type LegacyClient } from './support/legacy-client.js';
import { startReplicas } from './support/replicas.js';

let replicas: Awaited<ReturnType<typeof startReplicas>>;
beforeAll(async () => {
  replicas = await startReplicas();
});
afterAll(() => replicas.close());

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
  const { a, b } = replicas;
  await expect.poll(() => [a, b].flatMap(({ governed }) => governed.listening)).toEqual([]);
  expect([...a.faults.splice(0), ...b.faults.splice(0)]).toEqual([]);
});

const portOf = ({ app }: TestGateway) => (app.server.address() as AddressInfo).port;

/** As a process that is killed. */
const kill = (gateway: TestGateway) => {
  gateway.app.server.close();
  gateway.app.server.closeAllConnections();
  gateway.sessions.stop();
};

const join = async (url: string, fetching = fetch) => {
  const client = new Client({ name: 'c', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { authorization: 'Bearer alice' } },
    fetch: fetching,
  });
  await client.connect(transport);
  undo.push(() => client.close());
  return client;
};

/** Resolves `begun` with the first progress. */
const progressing = (client: Client, pauseMs: number) => {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const seen: number[] = [];
  const onprogress = ({ progress }: { progress: number }) => {
    seen.push(progress);
    resolve();
  };
  const params = { name: 't_progress', arguments: { steps: 2, pauseMs } };
  const ended = client.callTool(params, undefined, { onprogress, timeout: 20_000 });
  ended.catch(() => {});
  return { begun, ended, seen };
};

describe('the official client', () => {
  test('hears within seconds that the gateway died in the middle of its call', async () => {
    const dying = await replicas.start();
    const balancer = await startRoundRobin([{ port: portOf(dying) }, { port: portOf(replicas.b) }]);
    undo.push(() => balancer.close());
    const client = await join(`${balancer.url}/mcp`);
    const calls = [progressing(client, 2_000), progressing(client, 2_000)];
    await Promise.all(calls.map(({ begun }) => begun));
    const began = Date.now();
    kill(dying);
    await Promise.race(calls.map(({ ended }) => ended)).catch(() => {});
    expect(Date.now() - began).toBeLessThan(3_500);
    const ended = await Promise.allSettled(calls.map((call) => call.ended));
    const [lost, other] = ended.toSorted((x, y) => y.status.localeCompare(x.status));
    expect(lost).toMatchObject({
      status: 'rejected',
      reason: {
        code: -32603,
        message: expect.stringContaining('look before you try again'),
        data: { _meta: { 'conducktor/code': 'outcome_unknown' } },
      },
    });
    expect(other!.status).toBe('fulfilled');
  }, 20_000);

  test.each([
    ['kept while it was away', 'the same gateway', 200],
    ['kept while it was away', 'another gateway', 200],
    ['that came after it was back', 'the same gateway', 900],
    ['that came after it was back', 'another gateway', 900],
  ])('gets the answer %s from %s', async (_, where, pauseMs) => {
    const { a, b } = replicas;
    const proxy = await startFaultProxy({ port: portOf(a) });
    undo.push(() => proxy.close());
    const resumed: number[] = [];
    const client = await join(`http://127.0.0.1:${proxy.port}/mcp`, async (url, init) => {
      if (!new Headers(init?.headers).has('last-event-id')) return fetch(url, init);
      const answer = await fetch(where === 'another gateway' ? b.mcp : url, init);
      resumed.push(answer.status);
      return answer;
    });
    const call = progressing(client, pauseMs);
    await call.begun;
    await proxy.set('reset');
    await proxy.set('pass');
    expect(await call.ended).toMatchObject({ content: [{ text: 'done' }] });
    expect(resumed).toContain(200);
    expect(call.seen[0]).toBe(1);
  });
});

const tool = (name: string, args: Record<string, unknown>, id: unknown) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args, _meta: { progressToken: 'p' } },
});
const headersOf = ({ session }: LegacyClient, version = '2025-11-25') => ({
  'mcp-session-id': session,
  'mcp-protocol-version': version,
});
const post = async (client: LegacyClient, body: unknown, at = replicas.a.mcp, version?: string) => {
  const events = await openEvents(at, 'alice', headersOf(client, version), body);
  undo.push(() => events.close());
  return events;
};
const stream = async (client: LegacyClient, at: string, headers = {}, token = 'alice') => {
  const events = await openEvents(at, token, { ...headersOf(client), ...headers });
  undo.push(() => events.close());
  return events;
};
const primeOf = async (events: Events) => {
  await expect.poll(() => events.text).toMatch(/^id: \S+\nretry: 1000\ndata: \n\n/);
  return /^id: (\S+)\n/.exec(events.text)![1]!;
};
/** A call in the middle, whose client has left; the id to come back with. */
const broken = async (
  client: LegacyClient,
  pauseMs: number,
  id: unknown = 7,
  at?: string,
  steps = 2,
) => {
  const events = await post(client, tool('t_progress', { steps, pauseMs }, id), at);
  const prime = await primeOf(events);
  await expect.poll(() => events.messages).toHaveLength(1);
  events.close();
  return prime;
};
const resume = (client: LegacyClient, id: string, at: string, token?: string) =>
  stream(client, at, { 'last-event-id': id }, token);

test('a stream begins with an event id, its answer ends it with another; JSON and older clients have none', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice');
  const events = await post(client, tool('t_progress', {}, 1));
  const id = await primeOf(events);
  await events.ended;
  expect(events.text.match(/^id: .*$/gm)).toEqual([`id: ${id}`, `id: ${id}.end`]);
  const plain = await post(client, tool('t_echo', {}, 2));
  await plain.ended;
  expect(plain.headers.get('content-type')).toBe('application/json');
  const older = await beginSession(replicas.a.mcp, 'alice', {}, '2025-06-18');
  const unprimed = await post(older, tool('t_progress', {}, 3), replicas.a.mcp, '2025-06-18');
  await unprimed.ended;
  expect(unprimed.text).not.toContain('id: ');
  const long = await post(client, tool('t_progress', {}, 'x'.repeat(300)));
  await long.ended;
  expect([long.messages.length, long.text.includes('\nid: ')]).toEqual([4, false]);
});

test.each(['a', 'b'] as const)(
  'what is still to come comes over the new stream of gateway %s, and the session’s own stays',
  async (where) => {
    const { a, b } = replicas;
    const at = replicas[where].mcp;
    const client = await beginSession(a.mcp, 'alice', { elicitation: {} });
    const standing = await stream(client, b.mcp);
    const events = await post(client, tool('t_ask', { afterMs: 500 }, 'ask'));
    const id = await primeOf(events);
    events.close();
    const back = await resume(client, id, at);
    await expect.poll(() => back.messages).toHaveLength(1);
    const [question] = back.messages;
    expect(question!.method).toBe('elicitation/create');
    await client.post({ id: question!.id, result: { action: 'decline' } }, b.mcp);
    await back.ended;
    expect(back.text.startsWith(`id: ${id}\nretry: 1000\ndata: \n\n`)).toBe(true);
    expect(back.messages.at(-1)).toMatchObject({
      id: 'ask',
      result: { content: [{ text: '[{"result":{"action":"decline"}}]' }] },
    });
    b.governed.emit({ kind: 'list-changed', list: 'tools' });
    await expect.poll(() => standing.messages).toHaveLength(1);
  },
);

test('a stream that breaks again is come back to again, and its answer is delivered once', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const id = await broken(client, 300);
  for (const at of [b.mcp, a.mcp, b.mcp]) {
    const events = await resume(client, id, at);
    await primeOf(events);
    events.close();
  }
  const last = await resume(client, id, b.mcp);
  await last.ended;
  expect(last.messages.at(-1)).toMatchObject({ id: 7, result: { content: [{ text: 'done' }] } });
  const after = await resume(client, `${id}.end`, a.mcp);
  expect(after.status).toBe(204);
  const again = await resume(client, id, b.mcp);
  await again.ended;
  expect(again.messages).toMatchObject([{ id: 7, error: { code: -32603 } }]);
});

test('the newer of two streams has the answer, and the older one is told not to come back', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const id = await broken(client, 300, 7, a.mcp, 4);
  const older = await resume(client, id, b.mcp);
  await expect.poll(() => older.messages.length).toBeGreaterThan(0);
  const newer = await resume(client, id, a.mcp);
  await Promise.all([older.ended, newer.ended]);
  expect(newer.messages.at(-1)).toMatchObject({ id: 7, result: {} });
  expect(older.text).toContain(`id: ${id}.end\ndata: \n\n`);
  expect(older.messages.filter((message) => message.id === 7)).toEqual([]);
});

test('a gateway that dies after its client came back on another is noticed', async () => {
  const dying = await replicas.start();
  const client = await beginSession(dying.mcp, 'alice');
  const id = await broken(client, 3_000, 'x', dying.mcp);
  const events = await resume(client, id, replicas.b.mcp);
  await primeOf(events);
  kill(dying);
  await events.ended;
  expect(events.messages).toMatchObject([
    { id: 'x', error: { data: { _meta: { 'conducktor/code': 'outcome_unknown' } } } },
  ]);
}, 60_000);

test('an event id is of no use to others, changed, or on another path', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const id = await broken(client, 400);
  const other = await beginSession(a.mcp, 'alice');
  const bob = await beginSession(a.mcp, 'bob');
  expect((await resume(other, id, a.mcp)).status).toBe(404);
  expect((await resume(bob, id, b.mcp, 'bob')).status).toBe(404);
  expect((await resume(client, id, b.mcp, 'bob')).status).toBe(404);
  expect((await resume(client, id, `${a.mcp}/known`)).status).toBe(404);
  const parts = id.split('.');
  for (const [at, part] of [
    [0, b.sessions.bus.instance],
    [1, 'A'.repeat(22)],
    [2, Buffer.from('8').toString('base64url')],
    [3, 'A'.repeat(32)],
  ] as const) {
    const changed = parts.with(at, part).join('.');
    for (const gateway of [a, b]) {
      const events = await resume(client, changed, gateway.mcp);
      await events.ended;
      expect([events.status, events.text.includes('done')]).toEqual([404, false]);
    }
  }
  const right = await resume(client, id, b.mcp);
  await right.ended;
  expect(right.messages.at(-1)).toMatchObject({ id: 7, result: {} });
});

test('ids of another kind open the session’s stream, as they did', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice');
  const ids = ['x', '../..', `${replicas.b.sessions.bus.instance}.7`, 'a.b.c.d', 'y'.repeat(4_000)];
  for (const id of ids) {
    const events = await resume(client, id, replicas.a.mcp);
    await expect.poll(() => events.text).toContain('list_changed');
  }
});

test('a stream that was come back to ends when its token is revoked', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const events = await resume(client, await broken(client, 1_500), b.mcp);
  await primeOf(events);
  b.governed.revoked.add('alice');
  undo.push(() => b.governed.revoked.clear());
  await events.ended;
  expect(events.text).not.toContain('"id":7');
});

test('without Redis the same gateway has the answer, and another cannot know', async () => {
  const sessionKey = newSessionKey();
  const [one, other] = [await startGateway({ sessionKey }), await startGateway({ sessionKey })];
  undo.push(
    () => one.close(),
    () => other.close(),
  );
  const client = await beginSession(one.mcp, 'alice');
  const id = await broken(client, 200, 7, one.mcp);
  const unsure = await resume(client, id, other.mcp);
  expect(unsure.status).toBe(503);
  const events = await resume(client, id, one.mcp);
  await events.ended;
  expect(events.messages.at(-1)).toMatchObject({ id: 7, result: {} });
});

test('a gateway that stops waits for the answer of a client that is away', async () => {
  const stopping = await replicas.start();
  await connected(stopping);
  const client = await beginSession(stopping.mcp, 'alice');
  const id = await broken(client, 300, 7, stopping.mcp);
  const events = await resume(client, id, stopping.mcp);
  await primeOf(events);
  await stopping.close();
  await events.ended;
  expect(events.messages.at(-1)).toMatchObject({ id: 7, result: {} });
});
