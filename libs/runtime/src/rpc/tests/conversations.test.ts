import { randomBytes } from 'node:crypto';
import { type CallRequest, type CallResult, type ReplyNote } from '@conducktor/contracts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RpcExchange, RpcHandlers, RpcWatch } from '../handlers.js';
import { RpcClient } from '../rpc-client.js';
import { RpcServer } from '../rpc-server.js';

const key = randomBytes(32);
const stops: (() => unknown)[] = [];
const faults: unknown[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const stop of stops.splice(0).reverse()) await stop();
});

const request: CallRequest = {
  key: { epoch: 1, tick: 1, ordinal: 1 },
  callId: 'call_1',
  tenantId: 'ten_a',
  memberId: 'mem_a',
  connectionId: 'con_a',
  revision: 1,
  method: 'tools/call',
  name: 'echo',
  argumentsJson: '{}',
  timeoutMs: 5_000,
  progress: false,
};
const watchRequest = {
  tenantId: 'ten_a',
  memberId: 'mem_a',
  connectionId: 'con_a',
  revision: 1,
  lists: true,
  uris: [],
  timeoutMs: 5_000,
};

async function pair(
  handlers: Partial<RpcHandlers>,
): Promise<{ client: RpcClient; server: RpcServer }> {
  const server = await RpcServer.listen({
    listen: { host: '127.0.0.1', port: 0 },
    key,
    handlers: {
      call: async () => ({ outcome: 'ok', durationMs: 0 }),
      resume: async () => ({ outcome: 'unknown', durationMs: 0 }),
      watch: async () => ({ ok: true }),
      refresh: async () => ({ status: 'ACTIVE', tools: [], ms: 0 }),
      committed: () => {},
      ...handlers,
    },
  });
  const client = new RpcClient({
    address: `127.0.0.1:${server.port}`,
    key,
    instanceId: 'one',
    onFault: (error) => faults.push(error),
  });
  stops.push(() => server.close());
  stops.push(() => client.close());
  await client.whenReady(2_000);
  return { client, server };
}

/** Answers a call with the first reply to a question of one kind. */
const asking =
  (more: (exchange: RpcExchange) => void = () => {}): RpcHandlers['call'] =>
  (_request, exchange) =>
    new Promise((resolve) => {
      exchange.onReply = (note) =>
        resolve({ outcome: 'ok', resultJson: JSON.stringify(note), durationMs: 0 });
      more(exchange);
      exchange.ask({ askId: 7, method: 'elicitation/create', params: { message: 'Who?' } });
    });

describe('a question during a call', () => {
  it('whose callback throws is answered with an error and harms no other call', async () => {
    const { client } = await pair({ call: asking() });
    const oops = new Error('oops');
    const result = await client.call(request, {
      onAsk: () => {
        throw oops;
      },
    });
    expect(JSON.parse(result.resultJson!)).toMatchObject({ askId: 7, error: { code: -32603 } });
    expect(faults).toEqual([oops]);
    const other = await client.call(
      { ...request, callId: 'call_2' },
      { onAsk: (_ask, reply) => reply({ askId: 7, result: {} }) },
    );
    expect(other.outcome).toBe('ok');
  });

  it('comes to the caller, whose first reply goes back to the call', async () => {
    const { client } = await pair({
      call: asking((exchange) =>
        exchange.notify({ method: 'notifications/message', params: { data: 'hé' } }),
      ),
    });
    const heard: unknown[] = [];
    const result = await client.call(request, {
      onNotification: (note) => heard.push(note),
      onAsk: (ask, reply) => {
        heard.push(ask);
        reply({ askId: 7, result: { action: 'accept' } });
        reply({ askId: 7, result: { action: 'decline' } });
      },
    });
    expect(JSON.parse(result.resultJson!)).toEqual({ askId: 7, result: { action: 'accept' } });
    expect(heard).toEqual([
      { method: 'notifications/message', params: { data: 'hé' } },
      { askId: 7, method: 'elicitation/create', params: { message: 'Who?' } },
    ]);
  });

  it('is refused for a caller that takes no questions', async () => {
    const { client } = await pair({ call: asking() });
    const result = await client.call(request);
    expect((JSON.parse(result.resultJson!) as ReplyNote).error?.code).toBe(-32601);
  });

  it('is answered with an error when the reply fits no frame', async () => {
    const { client } = await pair({ call: asking() });
    const result = await client.call(request, {
      onAsk: (_ask, reply) => reply({ askId: 7, result: { text: 'x'.repeat(17 * 1024 * 1024) } }),
    });
    expect((JSON.parse(result.resultJson!) as ReplyNote).error?.message).toContain('too large');
  });

  it('stops the deadline until it is answered, and not for ever', async () => {
    let exchange: RpcExchange | undefined;
    const { client } = await pair({ call: asking((given) => (exchange = given)) });
    vi.useFakeTimers({ toFake: ['performance'] });
    let asked!: () => void;
    const open = new Promise<void>((resolve) => (asked = resolve));
    const result = client.call({ ...request, timeoutMs: 1_000 }, { onAsk: () => asked() });
    await open;
    let ended: CallResult | undefined;
    void result.then((one) => (ended = one));
    vi.advanceTimersByTime(9 * 60_000);
    // Longer than the sweep takes to come round.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(ended).toBeUndefined();
    expect(exchange?.cancelled).toBe(false);
    vi.advanceTimersByTime(70_000);
    expect((await result).outcome).toBe('unknown');
  });
});

describe('a call that is taken up', () => {
  it('brings the replies and hears the result', async () => {
    const { client } = await pair({
      resume: async (resumed, exchange) => {
        exchange.progress({ progress: 1 });
        return { outcome: 'ok', resultJson: JSON.stringify(resumed.replies), durationMs: 3 };
      },
    });
    const progress: unknown[] = [];
    const replies = [{ askId: 1, result: { action: 'accept' } }];
    const result = await client.resume(
      { callId: 'call_1', tenantId: 'ten_a', memberId: 'mem_a', replies },
      { onProgress: (note) => progress.push(note) },
    );
    expect(JSON.parse(result.resultJson!)).toEqual(replies);
    expect(progress).toEqual([{ progress: 1 }]);
  });
});

describe('a watch', () => {
  it('brings events until it is closed', async () => {
    let closed!: () => void;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    let watch!: RpcWatch;
    const { client } = await pair({
      watch: async (_request, given) => {
        watch = given;
        given.onClose = closed;
        return { ok: true };
      },
    });
    const events: unknown[] = [];
    let heard!: () => void;
    const event = new Promise<void>((resolve) => (heard = resolve));
    const watching = await client.watch(watchRequest, {
      onEvent: (one) => (events.push(one), heard()),
      onClosed: () => events.push('closed'),
    });
    expect(watching.ok).toBe(true);
    watch.event({ kind: 'list-changed', list: 'tools' });
    await event;
    watching.close();
    watching.close();
    await gone;
    watch.event({ kind: 'gap' });
    expect(watch.closed).toBe(true);
    expect(events).toEqual([{ kind: 'list-changed', list: 'tools' }]);
  });

  it('tells a refusal, with the words of the upstream', async () => {
    const error = { code: -32002, message: 'No such resource' };
    const { client } = await pair({
      watch: async () => ({ ok: false, message: 'Refused.', error }),
    });
    const watching = await client.watch(watchRequest, { onEvent: () => {}, onClosed: () => {} });
    expect(watching).toMatchObject({ ok: false, message: 'Refused.', error });
  });

  it('tells its end, whether the worker ends it or is lost', async () => {
    const watches: RpcWatch[] = [];
    const { client, server } = await pair({
      watch: async (_request, given) => {
        watches.push(given);
        return { ok: true };
      },
    });
    const ends: string[] = [];
    let heard!: () => void;
    const open = () =>
      client.watch(watchRequest, {
        onEvent: () => {},
        onClosed: (reason) => (ends.push(reason), heard()),
      });
    await open();
    const lost = new Promise<void>((resolve) => (heard = resolve));
    watches[0]!.end('The connection is gone.');
    await lost;
    expect(ends).toEqual(['The connection is gone.']);
    await open();
    const dead = new Promise<void>((resolve) => (heard = resolve));
    await server.close();
    await dead;
    expect(ends).toHaveLength(2);
    await expect.poll(() => watches[1]!.closed).toBe(true);
    const late = await open();
    expect(late.ok).toBe(false);
  });
});

it('a process that stood still, or whose clock was set, keeps its connection and its calls', async () => {
  let finish: (() => void) | undefined;
  const lost: unknown[] = [];
  const { client } = await pair({
    call: () =>
      new Promise((resolve) => (finish = () => resolve({ outcome: 'ok', durationMs: 1 }))),
    left: (peer) => lost.push(peer),
  });
  const result = client.call(request);
  await expect.poll(() => finish).toBeDefined();
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() + 60 * 60_000);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  finish!();
  expect((await result).outcome).toBe('ok');
  expect(lost).toEqual([]);
});
