// The official clients of every revision, through a balancer without sticky sessions to two gateways.
import {
  connectRevision,
  REVISIONS,
  startRoundRobin,
  type RevisionClient,
  type RoundRobin,
} from '@conducktor/testing';
import type { ClientEvent } from '../ports.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReplicas } from './support/replicas.js';

let replicas: Awaited<ReturnType<typeof startReplicas>>;
let balancer: RoundRobin;
beforeAll(async () => {
  replicas = await startReplicas();
  const ports = [replicas.a, replicas.b].map(({ url }) => Number(new URL(url).port));
  balancer = await startRoundRobin(ports.map((port) => ({ port })));
});
afterAll(async () => {
  await balancer.close();
  await replicas.close();
});

describe.each(REVISIONS)('a client of %s', (revision) => {
  const legacy = revision < '2026-07-28';
  let client: RevisionClient;
  beforeAll(async () => {
    const path = revision === '2024-11-05' ? '/sse' : '/mcp';
    client = await connectRevision(revision, balancer.url + path, 'alice', {
      elicitation: () => ({ action: 'accept', content: { name: 'Ada' } }),
      sampling: () => ({
        role: 'assistant',
        content: { type: 'text', text: 'sampled' },
        model: 'm',
      }),
      roots: () => ({ roots: [{ uri: 'file:///root' }] }),
    });
  });
  afterAll(() => client.close());

  /** To whichever gateway has the stream; it may be opening still. */
  const emitUntil = async (event: ClientEvent, method: string) => {
    const timer = setInterval(() => {
      for (const { governed } of [replicas.a, replicas.b]) governed.emit(event);
    }, 50);
    try {
      return await client.notified(method);
    } finally {
      clearInterval(timer);
    }
  };

  test('lists and reads resources and prompts, and completes', async () => {
    expect(await client.request('resources/list')).toHaveProperty('resources');
    expect(await client.request('resources/templates/list')).toHaveProperty('resourceTemplates');
    expect(await client.request('resources/read', { uri: 'test:a' })).toHaveProperty('contents');
    expect(await client.request('prompts/list')).toHaveProperty('prompts');
    const prompt = await client.request('prompts/get', { name: 'p', arguments: { a: 'b' } });
    expect(prompt).toHaveProperty('messages');
    const ref = { type: 'ref/prompt', name: 'p' };
    const argument = { name: 'a', value: 'b' };
    const completed = await client.request('completion/complete', { ref, argument });
    expect(completed).toMatchObject({ completion: { values: [JSON.stringify(argument)] } });
  });

  test('hears of resources and lists that change', async () => {
    await client.subscribe('test:a');
    const updated = await emitUntil(
      { kind: 'resource-updated', uri: 'test:a' },
      'notifications/resources/updated',
    );
    expect(updated).toMatchObject({ uri: 'test:a' });
    for (const list of ['tools', 'prompts', 'resources'] as const)
      await emitUntil({ kind: 'list-changed', list }, `notifications/${list}/list_changed`);
  });

  test('gets progress and log messages of its calls', async () => {
    const steps: number[] = [];
    const onProgress = (step: number) => steps.push(step);
    await client.callTool('t_progress', { steps: 3, pauseMs: 5 }, { onProgress });
    expect(steps).toEqual([1, 2, 3]);
    if (legacy) await client.request('logging/setLevel', { level: 'debug' });
    await client.callTool('t_log', { levels: ['debug', 'alert'] });
    expect(await client.notified('notifications/message', { after: 1 })).toMatchObject({
      level: 'alert',
    });
  });

  test('is asked what its revision can be asked', async () => {
    // Of 2026-07-28: by `input_required`, which the story makes.
    if (!legacy) return;
    const ask = async (method: string, params: object) =>
      JSON.stringify(await client.callTool('t_ask', { method, params }));
    for (let round = 0; round < 2; round++) {
      expect(await ask('roots/list', {})).toContain('file:///root');
      const sampling = { messages: [], maxTokens: 1 };
      expect(await ask('sampling/createMessage', sampling)).toContain('sampled');
      const form = { message: 'Name?', requestedSchema: { type: 'object', properties: {} } };
      expect(await ask('elicitation/create', form)).toContain(
        revision >= '2025-06-18' ? 'accept' : 'does not take elicitation/create',
      );
    }
  });

  test('cancels its call, wherever it runs', async () => {
    const { a, b } = replicas;
    const seen = () => [...a.governed.calls, ...b.governed.calls].filter(isWaiting);
    const before = seen().length;
    const abort = new AbortController();
    const call = client.callTool('t_wait', { ms: 5_000 }, { signal: abort.signal });
    const stopped = call.then(
      () => 'answered',
      () => 'cancelled',
    );
    await expect.poll(() => seen().length).toBe(before + 1);
    abort.abort('enough');
    expect(await stopped).toBe('cancelled');
    await expect.poll(() => seen().filter(({ aborted }) => !aborted)).toEqual([]);
  });

  test('leaves nothing behind', async () => {
    const { a, b } = replicas;
    await client.close();
    await expect
      .poll(() => [a, b].flatMap(({ governed }) => governed.listening), { timeout: 30_000 })
      .toEqual([]);
    expect([...a.faults, ...b.faults]).toEqual([]);
  });
});

const isWaiting = ({ name }: { name: string }) => name === 't_wait';
