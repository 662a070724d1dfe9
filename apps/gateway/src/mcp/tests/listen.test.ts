// subscriptions/listen of 2026-07-28.
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connectModern, rawMcp } from '@conducktor/testing';
import { openEvents, type Events } from './support/events.js';
import { startGateway, type TestGateway } from './support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const open: Events[] = [];
afterEach(async () => {
  for (const events of open.splice(0)) events.close();
  gateway.governed.revoked.clear();
  await expect.poll(() => gateway.governed.listening).toEqual([]);
  expect(gateway.faults.splice(0)).toEqual([]);
});

const META = 'io.modelcontextprotocol/';
const HEADERS = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' };
const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const listenRequest = (notifications: unknown, id: string | number, capabilities: object) => ({
  jsonrpc: '2.0',
  id,
  method: 'subscriptions/listen',
  params: {
    notifications,
    _meta: {
      [`${META}protocolVersion`]: '2026-07-28',
      [`${META}clientCapabilities`]: capabilities,
    },
  },
});
const listen = async (
  notifications: unknown,
  { id = 'l1' as string | number, token = 'alice', at = gateway, capabilities = {} } = {},
) => {
  const request = listenRequest(notifications, id, capabilities);
  const events = await openEvents(at.mcp, token, HEADERS, request);
  open.push(events);
  return events;
};
const acknowledged = (notifications: unknown, id: unknown = 'l1') => ({
  jsonrpc: '2.0',
  method: 'notifications/subscriptions/acknowledged',
  params: { notifications, _meta: { [`${META}subscriptionId`]: id } },
});
const ENDED = {
  jsonrpc: '2.0',
  id: 'l1',
  result: {
    resultType: 'complete',
    _meta: {
      [`${META}subscriptionId`]: 'l1',
      [`${META}serverInfo`]: expect.objectContaining({ name: 'conducktor' }),
    },
  },
};

test('says first what it honours, then only that, each with the id of the request', async () => {
  const events = await listen(
    {
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: ['test:a', 'test:denied', 'test:a'],
    },
    { id: 0 },
  );
  await expect
    .poll(() => events.messages)
    .toEqual([acknowledged({ toolsListChanged: true, resourceSubscriptions: ['test:a'] }, 0)]);
  const { governed } = gateway;
  expect(governed.listening.map(({ uri }) => uri)).toEqual([undefined, 'test:a']);
  for (const list of ['prompts', 'resources', 'tools'] as const)
    governed.emit({ kind: 'list-changed', list });
  governed.emit({ kind: 'resource-updated', uri: 'test:a' });
  await expect.poll(() => events.messages.length).toBe(3);
  const _meta = { [`${META}subscriptionId`]: 0 };
  expect(events.messages.slice(1)).toEqual([
    { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta } },
    { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'test:a', _meta } },
  ]);
});

test('that is honoured in nothing ends at once, in good order', async () => {
  for (const filter of [{}, { resourceSubscriptions: ['test:denied'] }]) {
    const events = await listen(filter);
    await events.ended;
    expect(events.messages).toEqual([acknowledged({}), ENDED]);
  }
});

test('tells of tasks until the last of them is over, and of none that is not the caller’s', async () => {
  const taskIds = ['apr_1', 'apr_none', 'apr_2', 'apr_2'];
  const events = await listen({ taskIds }, { capabilities: TASKS });
  await expect.poll(() => events.messages.length).toBe(2);
  const _meta = { [`${META}subscriptionId`]: 'l1' };
  const method = 'notifications/tasks';
  const tell = (task: object, over: boolean) =>
    gateway.governed.tellTask!({ taskId: 'apr_2', ...task }, over);
  tell({ status: 'working' }, false);
  tell({ status: 'completed', result: { content: [], structuredContent: 1 } }, true);
  await events.ended;
  expect(events.messages).toEqual([
    acknowledged({ taskIds: ['apr_1', 'apr_2'] }),
    {
      jsonrpc: '2.0',
      method,
      // The result as modern clients have it.
      params: {
        _meta,
        taskId: 'apr_1',
        status: 'completed',
        result: expect.objectContaining({ resultType: 'complete', content: [] }),
      },
    },
    { jsonrpc: '2.0', method, params: { _meta, taskId: 'apr_2', status: 'working' } },
    expect.objectContaining({ method, params: expect.objectContaining({ status: 'completed' }) }),
    ENDED,
  ]);
});

test('a client that has not declared tasks is told what is missing when it asks for them', async () => {
  const events = await listen({ taskIds: ['apr_2'], toolsListChanged: true });
  expect(events.status).toBe(400);
  await events.ended;
  expect(JSON.parse(events.text)).toMatchObject({
    id: 'l1',
    error: { code: -32_021, data: { requiredCapabilities: TASKS } },
  });
});

test('a task is not watched any more when its listener left', async () => {
  const events = await listen({ taskIds: ['apr_2'] }, { capabilities: TASKS });
  await expect.poll(() => gateway.governed.tellTask).toBeDefined();
  events.close();
  await expect.poll(() => gateway.governed.tellTask).toBeUndefined();
});

test('ends when its last subscription did', async () => {
  const events = await listen({ resourceSubscriptions: ['test:a'] });
  await expect.poll(() => events.messages).toHaveLength(1);
  gateway.governed.emit({ kind: 'subscription-ended', uri: 'test:a', reason: 'gone' });
  await events.ended;
  expect(events.messages.map(({ method }) => method)).toEqual([
    'notifications/subscriptions/acknowledged',
    'notifications/resources/updated',
    undefined,
  ]);
});

test('ends with the reason when its token is revoked, within a second', async () => {
  const events = await listen({ toolsListChanged: true });
  gateway.governed.revoked.add('alice');
  const began = Date.now();
  await events.ended;
  expect(Date.now() - began).toBeLessThan(1_000);
  expect(events.messages.at(-1)).toMatchObject({ id: 'l1', error: { code: -32001 } });
});

test('a client that leaves while it is authenticated leaves nothing behind', async () => {
  const other = await startGateway();
  const { governed } = other;
  const authenticate = governed.authenticate.bind(governed);
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  other.app.server.once('connection', (socket) => socket.once('close', gone.resolve));
  governed.authenticate = async (context) => {
    asked.resolve();
    await gone.promise;
    return authenticate(context);
  };
  const socket = connect(Number(new URL(other.url).port), '127.0.0.1');
  const body = JSON.stringify(listenRequest({ toolsListChanged: true }, 'l1', {}));
  socket.write(
    [
      'POST /mcp HTTP/1.1',
      'Host: localhost',
      'Authorization: Bearer alice',
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      ...Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n'),
  );
  await asked.promise;
  socket.destroy();
  await gone.promise;
  // Authenticated, and whatever follows from that.
  await expect.poll(() => governed.contexts.length).toBeGreaterThan(0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(governed.listening).toEqual([]);
  await other.close();
});

test('ends in good order when the gateway stops, and no new one begins', async () => {
  const other = await startGateway();
  const events = await listen({ toolsListChanged: true }, { at: other });
  const closed = other.close();
  await events.ended;
  expect(events.messages).toEqual([acknowledged({ toolsListChanged: true }), ENDED]);
  await closed;
  expect(other.governed.listening).toEqual([]);
});

test.each([
  ['no filter', undefined],
  ['a list', []],
  ['a flag that is none', { toolsListChanged: 'yes' }],
  ['URIs that are none', { resourceSubscriptions: [1] }],
  ['too many', { resourceSubscriptions: Array.from({ length: 101 }, (_, n) => `test:${n}`) }],
])('%s is -32602', async (_what, filter) => {
  const events = await listen(filter);
  await events.ended;
  expect(JSON.parse(events.text)).toMatchObject({ id: 'l1', error: { code: -32602 } });
});

test('needs a valid token and a client that reads streams', async () => {
  expect((await listen({ toolsListChanged: true }, { token: 'expired' })).status).toBe(401);
  const answer = await rawMcp(
    gateway.mcp,
    'subscriptions/listen',
    { notifications: {} },
    { token: 'alice', headers: { accept: 'application/json' } },
  );
  expect(answer.status).toBe(406);
});

test('one principal may have so many and no more; others are not hindered', async () => {
  const small = await startGateway({ streamLimits: { perPrincipal: 2, total: 3 } });
  const filter = { toolsListChanged: true };
  const statuses = async (token: string, count: number) => {
    const opened = [];
    for (let n = 0; n < count; n++)
      opened.push((await listen(filter, { token, at: small })).status);
    return opened;
  };
  expect(await statuses('alice', 3)).toEqual([200, 200, 429]);
  expect(await statuses('bob', 2)).toEqual([200, 503]);
  open[0]!.close();
  await expect.poll(() => small.governed.listening).toHaveLength(2);
  expect(await statuses('bob', 1)).toEqual([200]);
  await small.close();
});

test('the official client listens and is told', async () => {
  const client = await connectModern(gateway.mcp, 'alice');
  const heard: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    heard.push(params.uri);
  });
  const { honoredFilter } = await client.listen({ resourceSubscriptions: ['test:a'] });
  expect(honoredFilter).toEqual({ resourceSubscriptions: ['test:a'] });
  gateway.governed.emit({ kind: 'resource-updated', uri: 'test:a' });
  await expect.poll(() => heard).toEqual(['test:a']);
  await client.close();
});
