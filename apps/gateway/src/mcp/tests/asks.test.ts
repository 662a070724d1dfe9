// Questions of an upstream to legacy clients: asked by one gateway, answered through another.
import { rawPost } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { askerOf } from '../ask-client.js';
import type { Outlet } from '../outlet.js';
import { openEvents, type Events, type Message } from './support/events.js';
import { beginSession, type LegacyClient } from './support/legacy-client.js';
import { startReplicas } from './support/replicas.js';

let replicas: Awaited<ReturnType<typeof startReplicas>>;
beforeAll(async () => {
  replicas = await startReplicas({ askDeadlineMs: 1_200 });
});
afterAll(() => replicas.close());

const open: Events[] = [];
afterEach(async () => {
  for (const events of open.splice(0)) events.close();
  const { a, b } = replicas;
  expect([...a.faults.splice(0), ...b.faults.splice(0)]).toEqual([]);
  await expect.poll(() => a.sessions.waiting.size + b.sessions.waiting.size).toBe(0);
});

const ALL = { elicitation: {}, sampling: {}, roots: {} };
const ANSWER = { action: 'accept', content: { name: 'Ada' } };

/** t_ask with an event stream for its answer. */
const call = async (
  client: LegacyClient,
  args: Record<string, unknown> = {},
  headers: Record<string, string> = {},
  at = replicas.a.mcp,
) => {
  const events = await openEvents(
    at,
    'alice',
    { 'mcp-session-id': client.session, 'mcp-protocol-version': '2025-11-25', ...headers },
    {
      jsonrpc: '2.0',
      id: 0,
      method: 'tools/call',
      params: { name: 't_ask', arguments: args },
    },
  );
  open.push(events);
  return events;
};
const asked = async (events: Events, count = 1): Promise<Message> => {
  const questions = () => events.messages.filter(({ method, id }) => method && id !== undefined);
  await expect.poll(() => questions().length).toBe(count);
  return questions()[count - 1]!;
};
const result = async (events: Events): Promise<unknown> => {
  await events.ended;
  const { result: given } = events.messages.find(({ id }) => id === 0)!;
  const [content] = (given as { content: { text: string }[] }).content;
  return content!.text.startsWith('[') ? JSON.parse(content!.text) : content!.text;
};

test('the question comes on the stream of the call, the response by any gateway', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice', ALL);
  for (const at of [replicas.a.mcp, replicas.b.mcp]) {
    const events = await call(client);
    const question = await asked(events);
    expect(question).toMatchObject({
      jsonrpc: '2.0',
      method: 'elicitation/create',
      params: { message: 'Your name?' },
    });
    const answer = await client.post({ id: question.id, result: ANSWER }, at);
    expect([answer.status, answer.text]).toEqual([202, '']);
    expect(await result(events)).toEqual([{ result: ANSWER }]);
  }
});

test('an error of the client is an answer too', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice', ALL);
  const events = await call(client, { method: 'sampling/createMessage' });
  const question = await asked(events);
  const error = { code: -1, message: 'User rejected', data: { a: 1 } };
  await client.post({ id: question.id, error }, replicas.b.mcp);
  expect(await result(events)).toEqual([{ error }]);
});

test('a call whose answer cannot stream asks on the session’s stream, wherever that is', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice', ALL);
  for (const at of [a.mcp, b.mcp]) {
    const stream = await client.events({}, at);
    open.push(stream);
    const answer = call(client, {}, { accept: 'application/json' });
    const question = await asked(stream);
    await client.post({ id: question.id, result: ANSWER }, b.mcp);
    const text = await (await answer).ended.then(async () => (await answer).text);
    expect(JSON.parse(text).result.content[0].text).toBe(JSON.stringify([{ result: ANSWER }]));
  }
});

test('a question whose stream is lost is asked again on the session’s stream', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice', ALL);
  const stream = await client.events({}, b.mcp);
  open.push(stream);
  const events = await call(client);
  const { id } = await asked(events);
  events.close();
  expect((await asked(stream)).id).toBe(id);
  const waits = a.sessions.waiting.size;
  await client.post({ id, result: ANSWER }, b.mcp);
  await expect.poll(() => a.sessions.waiting.size).toBe(waits - 1);
});

test('without any stream the upstream hears so at once', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice', ALL);
  const events = await call(client, {}, { accept: 'application/json' });
  await events.ended;
  expect(events.text).toContain('no event stream');
});

test('without an answer the upstream hears so in time, and the client that it may stop', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice', ALL);
  const events = await call(client);
  const { id } = await asked(events);
  expect(await result(events)).toEqual([
    { error: { code: -32000, message: expect.stringContaining('in time') } },
  ]);
  expect(events.messages).toContainEqual({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: id, reason: expect.any(String) },
  });
  expect((await client.post({ id, result: ANSWER }, replicas.b.mcp)).status).toBe(202);
});

test('a cancelled call takes its questions back', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice', ALL);
  const events = await call(client);
  await asked(events);
  await client.post(
    { method: 'notifications/cancelled', params: { requestId: 0 } },
    replicas.b.mcp,
  );
  expect(JSON.stringify(await result(events))).toContain('cancelled');
});

test('a call that is cancelled while its question is on its way waits for no answer', async () => {
  const { a } = replicas;
  const client = await beginSession(a.mcp, 'alice', ALL);
  const principal = 'tenant alice client';
  const session = a.sessions.verify(client.session, principal);
  const controller = new AbortController();
  const notes: string[] = [];
  const outlet: Outlet = {
    canStream: true,
    notify: () => {},
    note: (text) => void notes.push(text),
    ask: async () => {
      controller.abort();
      return true;
    },
    onLost: () => () => {},
    over: undefined,
  };
  const deps = { sessions: a.sessions, askDeadlineMs: 1_200 };
  const ask = askerOf(deps, principal, session, outlet, controller.signal)!;
  expect(await ask({ method: 'roots/list', params: {} })).toMatchObject({
    error: { message: expect.stringContaining('cancelled') },
  });
  expect(notes).toHaveLength(1);
});

test('nobody answers for another person, another session or twice', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice', ALL);
  const events = await call(client);
  const { id } = await asked(events);
  const bob = await beginSession(a.mcp, 'bob', ALL);
  const other = await beginSession(a.mcp, 'alice', ALL);
  const foreign = { id, result: { action: 'accept', content: { name: 'Mallory' } } };
  for (const who of [bob, other])
    for (const at of [a.mcp, b.mcp]) expect((await who.post(foreign, at)).status).toBe(202);
  const made = { ...foreign, id: `${String(id).slice(0, 13)}AAAAAAAAAAAA` };
  expect((await client.post(made, b.mcp)).status).toBe(202);
  for (const at of [b.mcp, a.mcp])
    expect((await client.post({ id, result: ANSWER }, at)).status).toBe(202);
  expect(await result(events)).toEqual([{ result: ANSWER }]);
});

test('responses may come in a batch where there are batches', async () => {
  const { a, b } = replicas;
  const client = await beginSession(a.mcp, 'alice', ALL, '2025-03-26');
  const events = await call(client, { times: 2 }, { 'mcp-protocol-version': '2025-03-26' });
  await asked(events, 2);
  const batch = events.messages.map(({ id }) => ({ jsonrpc: '2.0', id, result: ANSWER }));
  const answer = await rawPost(b.mcp, JSON.stringify(batch), {
    token: 'alice',
    headers: { 'mcp-session-id': client.session, 'mcp-protocol-version': '2025-03-26' },
  });
  expect(answer.status).toBe(202);
  expect(await result(events)).toEqual([{ result: ANSWER }, { result: ANSWER }]);
});

test('a response that is none is refused: unknown ids, no result, no session', async () => {
  const { a } = replicas;
  const client = await beginSession(a.mcp, 'alice', ALL);
  const events = await call(client);
  const { id } = await asked(events);
  for (const wrong of [
    { id: 7, result: {} },
    { id, result: 'yes' },
    { id, error: {} },
  ])
    expect((await client.post(wrong)).status).toBe(400);
  await client.post({ id, result: ANSWER });
  expect(await result(events)).toEqual([{ result: ANSWER }]);
});

test('a client is asked only what it declared', async () => {
  const { a } = replicas;
  const text = async (declared: Record<string, unknown>, method: string) => {
    const events = await call(await beginSession(a.mcp, 'alice', declared), { method });
    await events.ended;
    return events.text;
  };
  expect(await text({}, 'roots/list')).toContain('cannot ask');
  const some = { roots: {}, elicitation: { url: {} } };
  for (const method of ['elicitation/create', 'sampling/createMessage'])
    expect(await text(some, method)).toContain(`does not take ${method}`);
});

test('one call has a bounded number of questions open', async () => {
  const client = await beginSession(replicas.a.mcp, 'alice', ALL);
  const events = await call(client, { times: 34 });
  await asked(events, 32);
  const questions = events.messages.filter(({ method }) => method === 'elicitation/create');
  for (const { id } of questions) await client.post({ id, result: ANSWER }, replicas.b.mcp);
  const replies = (await result(events)) as { error?: unknown }[];
  expect(replies.filter(({ error }) => error)).toHaveLength(2);
});
