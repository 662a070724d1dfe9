import type { AskNote, CallResult, LateOutcome, ReplyNote } from '@conducktor/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LegacySdkServer, startLegacySdkServer } from '../../http/tests/sdk-servers.js';
import {
  type Incoming,
  legacy,
  ok,
  type RawServer,
  startRawServer,
  startTestWorker,
  stream,
  type TestWorker,
} from '../../tests/support.js';

const CAN_BE_ASKED = { elicitation: { form: {} } };
const ANA = { action: 'accept', content: { name: 'Ana' } };

let test: TestWorker;
let server: LegacySdkServer;
let id: string;
const stops: (() => unknown)[] = [];
beforeAll(async () => {
  [test, server] = await Promise.all([startTestWorker(), startLegacySdkServer()]);
  id = await test.connect({ url: server.url });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(async () => {
  await test.stop();
  await server.close();
});

interface Held {
  callId: string;
  ask: AskNote;
  reply(note: ReplyNote): void;
  result: Promise<CallResult>;
}

/** A call that has come to its first question. */
async function hold(
  client = test.client,
  connectionId = id,
  more: Parameters<TestWorker['request']>[3] = {},
): Promise<Held> {
  const request = test.request(connectionId, 'ask', {}, { capabilities: CAN_BE_ASKED, ...more });
  return await new Promise((resolve, reject) => {
    const result = client.call(request, {
      onAsk: (ask, reply) => resolve({ callId: request.callId, ask, reply, result }),
    });
    result.then((ended) => reject(new Error(JSON.stringify(ended))), reject);
  });
}

const resumption = (callId: string, more: object = {}) => ({
  callId,
  tenantId: test.tenantId,
  memberId: 'mem_a',
  replies: [{ askId: 1, result: ANA }],
  ...more,
});

/** A legacy server whose calls ask as the test says; replies are given to `onReply`. */
async function asking(
  ask: (send: (message: unknown) => void, call: Incoming) => void,
  onReply: (reply: Record<string, unknown>) => void = () => {},
): Promise<RawServer & { connection: string }> {
  const raw = await startRawServer((incoming, response) => {
    const { id: messageId, method } = incoming.message;
    if (method === undefined && messageId !== undefined) {
      onReply(JSON.parse(incoming.body) as Record<string, unknown>);
      return void response.writeHead(202).end();
    }
    legacy((call, reply) => ask(stream(reply), call))(incoming, response);
  });
  stops.push(() => raw.close());
  return { ...raw, connection: await test.connect({ url: raw.url }) };
}

const question = (askId: unknown, method = 'elicitation/create') => ({
  jsonrpc: '2.0',
  id: askId,
  method,
  params: { message: 'Who?', requestedSchema: { type: 'object', properties: {} } },
});

describe('a call that waits for an answer', () => {
  it('outlives its own deadline, and goes on with what was left of it', async () => {
    await test.call(id, 'capabilities', {}, { capabilities: CAN_BE_ASKED });
    const held = await hold(test.client, id, { timeoutMs: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    held.reply({ askId: held.ask.askId, result: ANA });
    expect(await held.result).toMatchObject({ outcome: 'ok' });
  });

  it('times out after the answer as it would have without the question', async () => {
    const { connection } = await asking((send) => send(question('q')));
    const held = await hold(test.client, connection, { timeoutMs: 300 });
    held.reply({ askId: 1, result: ANA });
    expect(await held.result).toMatchObject({ outcome: 'timeout' });
  });

  it('is on its own time again when the server wants no answer any more', async () => {
    const { connection } = await asking((send) => {
      send(question('q'));
      send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'q' } });
    });
    const held = await hold(test.client, connection, { timeoutMs: 300 });
    expect(await held.result).toMatchObject({ outcome: 'timeout' });
  });

  it('leaves its place to others', async () => {
    let waiting = 0;
    const { connection } = await asking((send, call) => {
      if (call.message.params?.['name'] === 'ask') {
        waiting++;
        return send(question(`q${waiting}`));
      }
      send(ok(call.message.id));
    });
    const more = { timeoutMs: 20_000 };
    // As many as may be under way at one connection.
    const held = await Promise.all(
      Array.from({ length: 256 }, () => hold(test.client, connection, more)),
    );
    expect(waiting).toBe(256);
    expect(await test.call(connection, 'plain')).toMatchObject({ outcome: 'ok' });
    const ends = held.map(({ result }) => result);
    for (const { callId } of held)
      void test.client.resume(resumption(callId, { replies: [] }), {
        signal: AbortSignal.timeout(50),
      });
    expect((await Promise.all(ends)).every(({ outcome }) => outcome === 'cancelled')).toBe(true);
  }, 30_000);

  it('is cancelled like any other', async () => {
    const abort = new AbortController();
    const { connection, seen } = await asking((send) => send(question('q')));
    const request = test.request(connection, 'ask', {}, { capabilities: CAN_BE_ASKED });
    const result = test.client.call(request, {
      signal: abort.signal,
      onAsk: () => abort.abort(),
    });
    expect(await result).toMatchObject({ outcome: 'cancelled' });
    await expect
      .poll(() => seen.some(({ message }) => message.method === 'notifications/cancelled'))
      .toBe(true);
    // A server that does not listen to that must not wait for ever.
    await expect.poll(() => seen.some(({ body }) => body.includes('given up'))).toBe(true);
  });
});

describe('a call that is taken up by another gateway', () => {
  it('gets the replies there, and tells both how it ended', async () => {
    const held = await hold();
    const other = await test.dial();
    const made = { action: 'accept', content: { name: 'nobody asked' } };
    const resumed = await other.resume(
      resumption(held.callId, {
        replies: [
          { askId: 99, result: made },
          { askId: 1, result: ANA },
          { askId: 1, result: made },
        ],
      }),
    );
    expect(resumed).toMatchObject({ outcome: 'ok', resultJson: expect.stringContaining('Ana') });
    expect(await held.result).toEqual(resumed);
  });

  it('asks there what it asks from then on, and what was left open', async () => {
    const replies: unknown[] = [];
    const { connection } = await asking(
      (send) => {
        send(question('first'));
        send(question('second'));
      },
      (reply) => replies.push(reply['id']),
    );
    const held = await hold(test.client, connection);
    const asks: number[] = [];
    const other = await test.dial();
    const resumed = other.resume(
      resumption(held.callId, { replies: [{ askId: 1, result: ANA }] }),
      {
        onAsk: ({ askId }, reply) => {
          asks.push(askId);
          reply({ askId, result: ANA });
        },
      },
    );
    await expect.poll(() => replies).toEqual(['first', 'second']);
    expect(asks).toEqual([2]);
    const gone = new AbortController();
    void other.resume(resumption(held.callId, { replies: [] }), { signal: gone.signal });
    gone.abort();
    expect(await resumed).toMatchObject({ outcome: 'cancelled' });
  });

  it('is nobody else to take up', async () => {
    const held = await hold();
    const other = await test.dial();
    for (const stranger of [{ memberId: 'mem_b' }, { tenantId: 'ten_b' }, { callId: 'call_x' }])
      expect(await other.resume(resumption(held.callId, stranger))).toMatchObject({
        outcome: 'unknown',
      });
    held.reply({ askId: held.ask.askId, result: ANA });
    expect((await held.result).resultJson).toContain('Ana');
    expect(await other.resume(resumption(held.callId))).toMatchObject({ outcome: 'unknown' });
  });

  it('settles late when the gateway that made it is gone', async () => {
    const first = await test.dial({ instanceId: 'gateway-that-dies' });
    const held = await hold(first);
    first.close();
    expect((await held.result).outcome).toBe('unknown');
    const other = await test.dial();
    expect(await other.resume(resumption(held.callId))).toMatchObject({ outcome: 'ok' });
    const late: LateOutcome[] = [];
    const back = await test.dial({
      instanceId: 'gateway-that-dies',
      onLate: (outcomes) => late.push(...outcomes),
    });
    await expect.poll(() => late).toMatchObject([{ callId: held.callId, outcome: 'ok' }]);
    back.committed([held.callId]);
  });
});

describe('a server that asks', () => {
  it('what the client was not said to answer is told that there is no such method', async () => {
    const replies: { error?: { code: number } }[] = [];
    const { connection } = await asking(
      (send, call) => {
        for (const method of ['sampling/createMessage', 'roots/list', 'elicitation/create'])
          send(question(method, method));
        setTimeout(() => send(ok(call.message.id)), 200);
      },
      (reply) => replies.push(reply),
    );
    const asked: string[] = [];
    const request = test.request(connection, 'x', {}, { capabilities: { roots: {} } });
    const result = await test.client.call(request, {
      onAsk: (ask, reply) => {
        asked.push(ask.method);
        reply({ askId: ask.askId, result: { roots: [] } });
      },
    });
    expect(result.outcome).toBe('ok');
    expect(asked).toEqual(['roots/list']);
    await expect.poll(() => replies).toHaveLength(3);
    expect(replies.filter(({ error }) => error?.code === -32601)).toHaveLength(2);
  });

  it('without end is bounded', async () => {
    const replies: { error?: { message: string } }[] = [];
    const { connection } = await asking(
      (send, call) => {
        for (let n = 0; n < 500; n++) send(question(n));
        setTimeout(() => send(ok(call.message.id)), 300);
      },
      (reply) => replies.push(reply),
    );
    let asks = 0;
    const request = test.request(connection, 'x', {}, { capabilities: CAN_BE_ASKED });
    expect((await test.client.call(request, { onAsk: () => asks++ })).outcome).toBe('ok');
    expect(asks).toBe(16);
    expect(replies.length).toBeLessThanOrEqual(100);
    expect(replies.every(({ error }) => error?.message.includes('Too many'))).toBe(true);
  });

  it('answers itself before the client did: the call is over, and late replies go nowhere', async () => {
    const replies: unknown[] = [];
    const { connection } = await asking(
      (send, call) => {
        send(question('q'));
        send(ok(call.message.id, 'never mind'));
      },
      (reply) => replies.push(reply),
    );
    const request = test.request(connection, 'x', {}, { capabilities: CAN_BE_ASKED });
    let answer: (() => void) | undefined;
    const result = await test.client.call(request, {
      onAsk: ({ askId }, reply) => (answer = () => reply({ askId, result: ANA })),
    });
    expect(result.resultJson).toContain('never mind');
    answer!();
    expect(await test.call(connection, 'y', {}, { timeoutMs: 2_000 })).toMatchObject({
      outcome: 'ok',
    });
    expect(replies.filter((one) => JSON.stringify(one).includes('Ana'))).toEqual([]);
  });
});

it('a worker that stops does not wait for people', async () => {
  const own = await startTestWorker();
  const connection = await own.connect({ url: server.url });
  const request = own.request(connection, 'ask', {}, { capabilities: CAN_BE_ASKED });
  const asked = Promise.withResolvers<void>();
  const result = own.client.call(request, { onAsk: () => asked.resolve() });
  await asked.promise;
  const started = Date.now();
  await own.worker.stop();
  expect(await result).toMatchObject({ outcome: 'unknown' });
  expect(Date.now() - started).toBeLessThan(4_000);
  await own.stop();
});
