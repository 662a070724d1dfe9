// The transport of 2024-11-05: one stream, messages posted to any gateway.
import { connectRevision, rawPost, startRoundRobin } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openEvents, type Events } from './support/events.js';
import { startReplicas } from './support/replicas.js';

let replicas: Awaited<ReturnType<typeof startReplicas>>;
beforeAll(async () => {
  replicas = await startReplicas({ streamLimits: { perPrincipal: 3, total: 100 } });
});
afterAll(() => replicas.close());

const open: Events[] = [];
afterEach(async () => {
  for (const events of open.splice(0)) events.close();
  const { a, b } = replicas;
  await expect.poll(() => [a, b].flatMap(({ governed }) => governed.listening)).toEqual([]);
  expect([...a.faults.splice(0), ...b.faults.splice(0)]).toEqual([]);
});

const begin = async (path = '/sse', token = 'alice') => {
  const events = await openEvents(replicas.a.url + path, token, { accept: 'text/event-stream' });
  open.push(events);
  await expect.poll(() => events.text).toContain('\n\n');
  const endpoint = /^event: endpoint\ndata: (\S+)\n\n/.exec(events.text)![1]!;
  return { events, endpoint };
};
const post = (gateway: { url: string }, endpoint: string, message: object, token = 'alice') =>
  rawPost(gateway.url + endpoint, JSON.stringify({ jsonrpc: '2.0', ...message }), { token });
const initialize = (capabilities = {}) => ({
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2024-11-05',
    capabilities,
    clientInfo: { name: 'c', version: '1' },
  },
});
const answers = ({ messages }: Events) => messages.filter(({ method }) => method === undefined);

test.each(['/sse', '/api/mcp/sse', '/mcp', '/messages', '/mcp/known'])(
  'GET %s begins with where to post; answers to what is posted anywhere come over the stream',
  async (path) => {
    const { a, b } = replicas;
    const { events, endpoint } = await begin(path);
    expect(endpoint.startsWith(`${path}?sessionId=`)).toBe(true);
    const accepted = await post(b, endpoint, initialize({ sampling: {} }));
    expect([accepted.status, accepted.text]).toEqual([202, '']);
    await expect.poll(() => answers(events)).toHaveLength(1);
    expect(answers(events)[0]).toMatchObject({ id: 0, result: { protocolVersion: '2024-11-05' } });
    const call = { id: 1, method: 'tools/call', params: { name: 't_kinds', arguments: {} } };
    for (const [n, gateway] of [a, b].entries()) {
      await post(gateway, endpoint, { ...call, id: n });
      await expect.poll(() => answers(events)).toHaveLength(n + 2);
      // Neither sounds nor links were known then.
      const { content } = answers(events).at(-1)!.result as { content: { type: string }[] };
      expect(content.map(({ type }) => type)).toEqual(['text', 'text', 'image']);
      expect(gateway.governed.calls.at(-1)?.input.context).toMatchObject({
        protocolVersion: '2024-11-05',
        capabilities: { sampling: {} },
        resourcePath: path,
      });
    }
  },
);

test('/messages takes what is posted for a stream of another path', async () => {
  const { events, endpoint } = await begin('/sse');
  await post(replicas.b, endpoint.replace('/sse?', '/messages?'), { id: 5, method: 'ping' });
  await expect.poll(() => answers(events)).toEqual([{ jsonrpc: '2.0', id: 5, result: {} }]);
});

test('a stream of one view takes nothing by the path of another', async () => {
  const { endpoint } = await begin('/mcp');
  const elsewhere = endpoint.replace('/mcp?', '/mcp/known?');
  expect((await post(replicas.b, elsewhere, { id: 5, method: 'ping' })).status).toBe(404);
});

test('without a session, POST to the same paths is plain JSON-RPC', async () => {
  for (const path of ['/messages', '/sse', '/api/mcp/sse'])
    expect((await post(replicas.b, path, { id: 1, method: 'ping' })).text).toBe(
      '{"jsonrpc":"2.0","id":1,"result":{}}',
    );
});

test('progress, log messages and questions come over the stream, in order', async () => {
  const { b } = replicas;
  const { events, endpoint } = await begin();
  await post(b, endpoint, initialize({ elicitation: {} }));
  const params = {
    name: 't_progress',
    arguments: { steps: 2 },
    _meta: { progressToken: 'p' },
  };
  await post(b, endpoint, { id: 1, method: 'tools/call', params });
  await expect.poll(() => answers(events)).toHaveLength(2);
  expect(events.messages.slice(1).map(({ method }) => method)).toEqual([
    'notifications/progress',
    'notifications/progress',
    undefined,
  ]);
  await post(b, endpoint, { id: 2, method: 'logging/setLevel', params: { level: 'error' } });
  await expect.poll(() => answers(events)).toHaveLength(3);
  await post(b, endpoint, { id: 3, method: 'tools/call', params: { name: 't_log' } });
  await expect.poll(() => answers(events)).toHaveLength(4);
  expect(JSON.stringify(events.messages)).not.toContain('info message');
  expect(JSON.stringify(events.messages)).toContain('error message');

  await post(b, endpoint, { id: 4, method: 'tools/call', params: { name: 't_ask' } });
  const question = () => events.messages.find(({ method }) => method === 'elicitation/create');
  await expect.poll(question).toBeDefined();
  await post(replicas.a, endpoint, { id: question()!.id, result: { action: 'decline' } });
  await expect.poll(() => answers(events)).toHaveLength(5);
  expect(JSON.stringify(answers(events).at(-1))).toContain('decline');
});

test('subscriptions and changes of lists come over the stream; it ends with it', async () => {
  const { a, b } = replicas;
  const { events, endpoint } = await begin();
  await post(b, endpoint, initialize());
  await post(b, endpoint, { id: 1, method: 'resources/subscribe', params: { uri: 'test:a' } });
  await expect.poll(() => answers(events)).toHaveLength(2);
  a.governed.emit({ kind: 'resource-updated', uri: 'test:a' });
  a.governed.emit({ kind: 'list-changed', list: 'prompts' });
  await expect.poll(() => events.messages.length).toBe(4);
  events.close();
  await expect.poll(() => a.governed.listening).toEqual([]);
  for (const gateway of [a, b])
    await expect
      .poll(async () => (await post(gateway, endpoint, { id: 2, method: 'ping' })).status)
      .toBe(404);
});

test('a cancellation posted to one gateway stops the call on another', async () => {
  const { a, b } = replicas;
  const { events, endpoint } = await begin();
  await post(a, endpoint, initialize());
  const before = a.governed.calls.length;
  await post(a, endpoint, { id: 1, method: 'tools/call', params: { name: 't_wait' } });
  await expect.poll(() => a.governed.calls.length).toBe(before + 1);
  await post(b, endpoint, { method: 'notifications/cancelled', params: { requestId: 1 } });
  await expect.poll(() => answers(events)).toHaveLength(2);
  expect(a.governed.calls.at(-1)?.aborted).toBe(true);
});

test('nobody else posts for it; what is wrong is refused in the answer to the POST', async () => {
  const { a, b } = replicas;
  const { events, endpoint } = await begin();
  for (const gateway of [a, b]) {
    expect((await post(gateway, endpoint, { id: 1, method: 'ping' }, 'bob')).status).toBe(404);
    expect((await post(gateway, endpoint, { id: 1, method: 'ping' }, 'expired')).status).toBe(401);
    expect((await post(gateway, '/sse?sessionId=x', { id: 1, method: 'ping' })).status).toBe(404);
    expect((await post(gateway, endpoint, { id: null, method: 'ping' })).status).toBe(400);
    expect((await post(gateway, endpoint, { id: 7, result: {} })).status).toBe(400);
  }
  // Nor is it a session of the later transport.
  const session = endpoint.split('=')[1]!;
  const headers = { 'mcp-session-id': session };
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  expect((await rawPost(a.mcp, ping, { token: 'alice', headers })).status).toBe(404);
  expect(answers(events)).toEqual([]);
});

test('one session has at most 64 requests under way on a gateway, one person so many streams', async () => {
  const { b } = replicas;
  const { events, endpoint } = await begin();
  await post(b, endpoint, initialize());
  // Until it is answered on the stream, initializing is under way too.
  await expect.poll(() => answers(events).length).toBe(1);
  const before = b.governed.calls.length;
  const wait = (id: number) =>
    post(b, endpoint, {
      id,
      method: 'tools/call',
      params: { name: 't_wait', arguments: { ms: 60_000 } },
    });
  const statuses = await Promise.all(Array.from({ length: 70 }, (_, id) => wait(id + 1)));
  const busy = statuses.filter(({ status }) => status === 429);
  expect(busy).toHaveLength(6);
  for (const { text } of busy) expect(JSON.parse(text).id).toEqual(expect.any(Number));
  expect(b.governed.calls.length).toBe(before + 64);
  const stop = (requestId: number) =>
    post(b, endpoint, { method: 'notifications/cancelled', params: { requestId } });
  await Promise.all(statuses.map((_, id) => stop(id + 1)));
  await expect.poll(() => answers(events), { timeout: 30_000 }).toHaveLength(65);
  await begin();
  await begin();
  const fourth = await openEvents(`${replicas.a.url}/sse`, 'alice');
  expect(fourth.status).toBe(429);
  fourth.close();
});

test('a gateway that stops gives the answers that are under way, then closes the stream', async () => {
  const leaving = await replicas.start();
  const events = await openEvents(`${leaving.url}/sse`, 'alice');
  await expect.poll(() => events.text).toContain('\n\n');
  const endpoint = /data: (\S+)/.exec(events.text)![1]!;
  await post(leaving, endpoint, initialize());
  const params = { name: 't_wait', arguments: { ms: 300 } };
  await post(leaving, endpoint, { id: 1, method: 'tools/call', params });
  await leaving.close();
  await events.ended;
  expect(JSON.stringify(answers(events).at(-1))).toContain('waited');
});

test('the official client speaks it through a balancer without sticky sessions', async () => {
  const { a, b } = replicas;
  const ports = [a, b].map(({ url }) => ({ port: Number(new URL(url).port) }));
  const balancer = await startRoundRobin(ports);
  const client = await connectRevision('2024-11-05', `${balancer.url}/sse`, 'alice', {
    roots: () => ({ roots: [{ uri: 'file:///a' }] }),
  });
  for (let n = 0; n < 4; n++)
    expect(JSON.stringify(await client.callTool('t_echo', { n }))).toContain(`\\"n\\":${n}`);
  expect(JSON.stringify(await client.callTool('t_ask', { method: 'roots/list' }))).toContain(
    'file:///a',
  );
  expect(await client.request('resources/read', { uri: 'test:a' })).toHaveProperty('contents');
  await client.subscribe('test:a');
  for (const { governed } of [a, b]) governed.emit({ kind: 'resource-updated', uri: 'test:a' });
  expect(await client.notified('notifications/resources/updated')).toEqual({ uri: 'test:a' });
  expect(Math.min(...balancer.served)).toBeGreaterThan(2);
  await client.close();
  await balancer.close();
});
