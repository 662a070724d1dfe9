// GET with a session: on two gateways, with a real Redis between them.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { beginSession, type LegacyClient } from './support/legacy-client.js';
import { startReplicas } from './support/replicas.js';
import type { Events, Message } from './support/events.js';

let replicas: Awaited<ReturnType<typeof startReplicas>>;
beforeAll(async () => {
  replicas = await startReplicas();
});
afterAll(() => replicas.close());

const ALICE = 'tenant alice client';
const open: Events[] = [];
afterEach(async () => {
  for (const events of open.splice(0)) events.close();
  const { a, b } = replicas;
  for (const { governed } of [a, b]) governed.revoked.clear();
  await expect.poll(() => [a, b].flatMap(({ governed }) => governed.listening)).toEqual([]);
  expect([...a.faults.splice(0), ...b.faults.splice(0)]).toEqual([]);
});

const stream = async (client: LegacyClient, at?: string, headers = {}) => {
  const events = await client.events(headers, at);
  open.push(events);
  return events;
};
const methods = (events: Events) => events.messages.map(({ method }) => method);
const updates = (events: Events) =>
  events.messages
    .filter(({ method }) => method === 'notifications/resources/updated')
    .map(({ params }) => params?.['uri']);
const CHANGED = ['tools', 'prompts', 'resources'].map(
  (list) => `notifications/${list}/list_changed`,
);

test('a stream begins with an event id, and tells of lists that change', async () => {
  const { a } = replicas;
  const events = await stream(await beginSession(a.mcp, 'alice'));
  expect([events.status, events.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  await expect.poll(() => events.text).toMatch(/^id: \S+\nretry: \d+\ndata: \n\n$/);
  for (const list of ['tools', 'prompts', 'resources'] as const)
    a.governed.emit({ kind: 'list-changed', list });
  await expect.poll(() => methods(events)).toEqual(CHANGED);
  expect(events.messages[0]).toEqual({ jsonrpc: '2.0', method: CHANGED[0] });
});

test('before 2025-11-25 nothing is sent that is no message', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice', {}, '2025-06-18');
  const events = await stream(client);
  replicas.a.governed.emit({ kind: 'list-changed', list: 'tools' });
  await expect.poll(() => methods(events)).toEqual([CHANGED[0]]);
  expect(events.text).not.toContain('data: \n');
});

test('a subscription made on one gateway is held by the one that has the stream', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const events = await stream(client, b.mcp);
  const answer = await client.request('resources/subscribe', { uri: 'test:a' });
  expect(answer.message?.result).toEqual({});
  expect(b.governed.listening.map(({ uri }) => uri)).toEqual([undefined, 'test:a']);
  expect(a.governed.listening).toEqual([]);
  b.governed.emit({ kind: 'resource-updated', uri: 'test:a' });
  b.governed.emit({ kind: 'resource-updated', uri: 'test:other' });
  await expect.poll(() => updates(events)).toEqual(['test:a']);

  await client.request('resources/unsubscribe', { uri: 'test:a' });
  await expect.poll(() => b.governed.listening.map(({ uri }) => uri)).toEqual([undefined]);
});

test('what the story refuses is refused to the client, wherever the stream is', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const refused = async () =>
    (await client.request('resources/subscribe', { uri: 'test:denied' })).message?.error?.message;
  expect(await refused()).toBe('Unknown resource');
  await stream(client, b.mcp);
  expect(await refused()).toBe('Unknown resource');
  await stream(client, a.mcp);
  expect(await refused()).toBe('Unknown resource');
});

test('after the loss of its gateway a client finds its subscriptions on another, and looks again', async () => {
  const { b, start } = replicas;
  const lost = await start();
  const client = await beginSession(lost.mcp, 'alice');
  const first = await stream(client, lost.mcp);
  await client.request('resources/subscribe', { uri: 'test:a' });
  await client.request('resources/subscribe', { uri: 'test:b' });
  await lost.close();
  await first.ended;
  const second = await stream(client, b.mcp);
  await expect
    .poll(() => methods(second).toSorted())
    .toEqual([...CHANGED, ...Array(2).fill('notifications/resources/updated')].toSorted());
  expect(updates(second).toSorted()).toEqual(['test:a', 'test:b']);
  b.governed.emit({ kind: 'resource-updated', uri: 'test:b' });
  await expect.poll(() => updates(second)).toHaveLength(3);
});

test('a subscription that ended is told by an update, and is not made again', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const events = await stream(client);
  await client.request('resources/subscribe', { uri: 'test:a' });
  a.governed.emit({ kind: 'subscription-ended', uri: 'test:a', reason: 'policy' });
  await expect.poll(() => updates(events)).toEqual(['test:a']);
  await expect
    .poll(async () => {
      await stream(client, b.mcp);
      return b.governed.listening.map(({ uri }) => uri);
    })
    .toEqual([undefined]);
});

test('a subscription that cannot be made again right now is made as soon as that is possible', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  for (const uri of ['test:down', 'test:given-up'])
    await client.request('resources/subscribe', { uri });
  b.governed.down = true;
  const events = await stream(client, b.mcp);
  await expect.poll(() => updates(events)).toEqual(['test:given-up']);
  b.governed.down = false;
  await expect.poll(() => updates(events), { timeout: 30_000 }).toContain('test:down');
  b.governed.emit({ kind: 'resource-updated', uri: 'test:down' });
  await expect.poll(() => updates(events)).toHaveLength(3);
});

test.each([undefined, 'a', 'b'] as const)(
  'asking once more, in vain for now, forgets no earlier subscription (stream at %s)',
  async (at) => {
    const { a, b } = replicas;
    const client = await beginSession(a.mcp, 'alice');
    const uris = () => a.sessions.store.uris(a.sessions.verify(client.session, ALICE)!, ALICE);
    const again = async () =>
      (await client.request('resources/subscribe', { uri: 'test:down' })).message;
    expect((await again())?.result).toEqual({});
    for (const { governed } of [a, b]) governed.down = true;
    if (at) await stream(client, replicas[at].mcp);
    expect((await again())?.error?.message).toBe('It does not answer.');
    expect(await uris()).toEqual(['test:down']);
    // One that never was is not kept.
    await client.request('resources/unsubscribe', { uri: 'test:down' });
    expect((await again())?.error).toBeDefined();
    expect(await uris()).toEqual([]);
    for (const { governed } of [a, b]) governed.down = false;
  },
);

test('a sign-in that ends while subscriptions are made again forgets none', async () => {
  const { a } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  await client.request('resources/subscribe', { uri: 'test:a' });
  a.governed.signedOutOf.add('test:a');
  const events = await stream(client);
  a.governed.signedOutOf.clear();
  events.close();
  await expect.poll(() => a.governed.listening).toEqual([]);
  const next = await stream(client);
  await expect.poll(() => updates(next)).toEqual(['test:a']);
});

test('a newer stream takes the place of the older, here and elsewhere', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const first = await stream(client, a.mcp);
  const second = await stream(client, b.mcp);
  await first.ended;
  const third = await stream(client, b.mcp);
  await second.ended;
  await expect.poll(() => b.governed.listening).toHaveLength(1);
  b.governed.emit({ kind: 'list-changed', list: 'tools' });
  await expect.poll(() => methods(third)).toContain(CHANGED[0]);
});

test('a session that is ended anywhere ends everywhere', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const events = await stream(client, b.mcp);
  const ended = await fetch(a.mcp, {
    method: 'DELETE',
    headers: { authorization: 'Bearer alice', 'mcp-session-id': client.session },
  });
  expect(ended.status).toBe(204);
  await events.ended;
  expect((await client.request('ping', {}, { at: b.mcp })).status).toBe(404);
  expect((await stream(client, b.mcp)).status).toBe(404);
  const later = await replicas.start();
  await expect
    .poll(async () => (await client.request('ping', {}, { at: later.mcp })).status)
    .toBe(404);
  await later.close();
});

test('a session that is ended while its stream opens has none', async () => {
  const { a } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const watchLists = a.governed.watchLists.bind(a.governed);
  a.governed.watchLists = async (input) => {
    await fetch(a.mcp, {
      method: 'DELETE',
      headers: { authorization: 'Bearer alice', 'mcp-session-id': client.session },
    });
    return watchLists(input);
  };
  const events = await stream(client).finally(() => (a.governed.watchLists = watchLists));
  expect(events.status).toBe(404);
});

test('what is subscribed to while the stream opens is heard on it', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const watchLists = b.governed.watchLists.bind(b.governed);
  b.governed.watchLists = async (input) => {
    const answer = await client.request('resources/subscribe', { uri: 'test:a' });
    expect(answer.message?.result).toEqual({});
    return watchLists(input);
  };
  const events = await stream(client, b.mcp).finally(() => (b.governed.watchLists = watchLists));
  await expect.poll(() => b.governed.listening.map(({ uri }) => uri)).toContain('test:a');
  const before = updates(events).length;
  b.governed.emit({ kind: 'resource-updated', uri: 'test:a' });
  await expect.poll(() => updates(events).length).toBeGreaterThan(before);
});

test('a defect in a subscription is answered, wherever the stream is', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  await stream(client, b.mcp);
  const subscribe = b.governed.subscribe.bind(b.governed);
  b.governed.subscribe = () => Promise.reject(new Error('secret detail'));
  for (const at of [a.mcp, b.mcp]) {
    const { message, text } = await client.request(
      'resources/subscribe',
      { uri: 'test:a' },
      { at },
    );
    expect(message).toMatchObject({ error: { code: -32603 } });
    expect(text).not.toContain('secret');
  }
  expect(b.faults.splice(0)).toHaveLength(2);
  b.governed.subscribe = subscribe;
});

test('another person’s session cannot be listened to, nor one of another tenant', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice');
  const bobs = await fetch(replicas.a.mcp, {
    headers: {
      accept: 'text/event-stream',
      authorization: 'Bearer bob',
      'mcp-session-id': client.session,
    },
  });
  expect(bobs.status).toBe(404);
});

test('a stream ends within a second when its token is revoked, others stay', async () => {
  const { a } = replicas;
  const alices = await stream(await beginSession(a.mcp, 'alice'));
  const bobs = await stream(await beginSession(a.mcp, 'bob'));
  a.governed.revoked.add('alice');
  const began = Date.now();
  await alices.ended;
  expect(Date.now() - began).toBeLessThan(1_000);
  await expect
    .poll(() => a.governed.listening.map(({ principal }) => principal))
    .toEqual(['tenant bob client']);
  a.governed.emit({ kind: 'list-changed', list: 'tools' });
  await expect.poll(() => methods(bobs)).toEqual([CHANGED[0]]);
});

test('while authentication cannot be done, streams stay', async () => {
  const { a } = replicas;
  const events = await stream(await beginSession(a.mcp, 'alice'));
  a.governed.away = true;
  const before = a.governed.contexts.length;
  await expect
    .poll(() => a.governed.contexts.length, { timeout: 30_000 })
    .toBeGreaterThan(before + 1);
  a.governed.away = false;
  a.governed.emit({ kind: 'list-changed', list: 'tools' });
  await expect.poll(() => methods(events)).toEqual([CHANGED[0]]);
});

test('log levels are of the session, on every gateway, and kept for later ones', async () => {
  const { a, b, start } = replicas;
  const client = await beginSession(a.mcp, 'alice');
  const levels = async (at: string) => {
    const params = { name: 't_log', arguments: {} };
    const { messages } = await client.request('tools/call', params, { at });
    return (messages as Message[]).flatMap(({ params }) => (params?.['level'] as string) ?? []);
  };
  expect(await levels(a.mcp)).toEqual(['debug', 'info', 'error']);
  expect((await client.request('logging/setLevel', { level: 'error' })).message?.result).toEqual(
    {},
  );
  expect(await levels(a.mcp)).toEqual(['error']);
  await expect.poll(() => levels(b.mcp)).toEqual(['error']);
  expect(b.governed.calls.at(-1)?.input.context.logLevel).toBe('error');
  const later = await start();
  await expect.poll(() => levels(later.mcp)).toEqual(['error']);
  await later.close();
  const other = await beginSession(a.mcp, 'alice');
  const free = await other.request('tools/call', { name: 't_log', arguments: {} });
  expect(free.messages).toHaveLength(4);
  const wrong = await client.request('logging/setLevel', { level: 'loud' });
  expect(wrong.message?.error?.code).toBe(-32602);
});

test('a cancellation finds its call on another gateway, and only its own', async () => {
  const { a, b } = replicas;
  const [alice, bob] = [await beginSession(a.mcp, 'alice'), await beginSession(a.mcp, 'bob')];
  const wait = { name: 't_wait', arguments: { ms: 800 } };
  const before = b.governed.calls.length;
  const calls = [alice, bob].map((client) =>
    client.request('tools/call', wait, { at: b.mcp, id: 0 }),
  );
  await expect.poll(() => b.governed.calls.length).toBe(before + 2);
  await alice.post({ method: 'notifications/cancelled', params: { requestId: 0 } }, a.mcp);
  const texts = (await Promise.all(calls)).map(({ messages }) => JSON.stringify(messages));
  expect(texts[0]).toContain('cancelled');
  expect(texts[1]).toContain('waited');
});

test('a session has at most 100 subscriptions', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice');
  const subscribe = (n: number) => client.request('resources/subscribe', { uri: `test:${n}` });
  await Promise.all(Array.from({ length: 100 }, (_, n) => subscribe(n)));
  expect((await subscribe(100)).message?.error?.code).toBe(-32000);
  expect((await subscribe(7)).message?.result).toEqual({});
});

test('a URI that is too long to be remembered is -32602', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice');
  const uri = `test:${'x'.repeat(2_048)}`;
  const answer = await client.request('resources/subscribe', { uri });
  expect(answer.message?.error?.code).toBe(-32602);
});

test('of one person and client 200 sessions are remembered, the oldest are forgotten', async () => {
  const { a } = replicas;
  const begin = () => beginSession(a.mcp, 'many');
  const subscribe = (client: LegacyClient) =>
    client.request('resources/subscribe', { uri: 'test:a' });
  const oldest = await begin();
  await subscribe(oldest);
  for (let batch = 0; batch < 20; batch++)
    await Promise.all(Array.from({ length: 10 }, async () => subscribe(await begin())));
  const stream = await oldest.events();
  open.push(stream);
  await expect.poll(() => stream.text).toContain('data: \n');
  expect(a.governed.listening.map(({ uri }) => uri)).toEqual([undefined]);
});
