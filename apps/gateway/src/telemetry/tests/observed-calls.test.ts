import { createMetrics, createLogger } from '@conducktor/runtime';
import { Timeline, Tracer, type Span } from '@conducktor/telemetry';
import { expect, test } from 'vitest';
import type { McpRequestContext } from '../../mcp/ports.js';
import { CallObserver } from '../call-observer.js';

const CLIENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const UNSAMPLED = CLIENT.replace(/01$/, '00');

const observing = (bounds: { askedPerSecond?: number; failuresPerSecond?: number } = {}) => {
  const spans: Span[] = [];
  const registry = createMetrics('test');
  const tracer = new Tracer({
    sampler: 'parentbased_traceidratio',
    ratio: 0,
    record: (span) => spans.push(span),
    ...bounds,
  });
  const observer = new CallObserver({ registry, tracer, logger: createLogger('test', 'silent') });
  const ended = (traceparent: string | undefined, end: string, facts: object = {}) => {
    const timeline = new Timeline(traceparent);
    for (const step of ['resolve', 'arguments', 'decide'] as const) timeline.mark(step);
    if (end !== 'policy_denied')
      for (const step of ['limit', 'admit', 'dispatch', 'settle'] as const) timeline.mark(step);
    timeline.facts = { end, tenantId: 'ten_a', tool: 'linear_list', ...facts };
    const context = { timeline, protocolVersion: '2026-07-28' } as McpRequestContext;
    return observer.observe('tools/call', context, Promise.resolve({ kind: 'result' }));
  };
  return { spans, registry, ended };
};

test('a sampled call becomes a server span under its client and a child for each step', async () => {
  const { spans, ended } = observing();
  await ended(CLIENT, 'ok', { callId: 'call_1' });
  const [server, ...steps] = spans;
  expect(server).toMatchObject({
    name: 'tools/call linear_list',
    kind: 'server',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    parentSpanId: '00f067aa0ba902b7',
    attributes: {
      'mcp.method.name': 'tools/call',
      'gen_ai.tool.name': 'linear_list',
      'conducktor.call.id': 'call_1',
    },
    error: undefined,
  });
  expect(steps.map(({ name }) => name)).toEqual([
    'authenticate',
    'resolve',
    'arguments',
    'decide',
    'limit',
    'admit',
    'dispatch',
    'settle',
  ]);
  expect(steps.every(({ parentSpanId }) => parentSpanId === server!.spanId)).toBe(true);
  expect(steps.every((step, at) => step.endMs === (steps[at + 1]?.startMs ?? server!.endMs))).toBe(
    true,
  );
});

test('a denial is kept though nobody sampled it, and says where the story ended', async () => {
  const { spans, ended } = observing();
  await ended(UNSAMPLED, 'ok');
  expect(spans).toEqual([]);
  await ended(UNSAMPLED, 'policy_denied');
  expect(spans[0]).toMatchObject({
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    error: 'policy_denied',
  });
  expect(spans.at(-1)).toMatchObject({ name: 'decide', error: 'policy_denied' });
});

test('callers cannot have more than so many traces in a second, nor failures', async () => {
  const { spans, ended } = observing({ askedPerSecond: 2, failuresPerSecond: 1 });
  for (let call = 0; call < 100; call++) await ended(CLIENT, 'ok');
  for (let call = 0; call < 100; call++) await ended(UNSAMPLED, 'policy_denied');
  // Twice as many where a second ended meanwhile.
  const servers = spans.filter(({ kind }) => kind === 'server');
  expect(servers.length).toBeGreaterThanOrEqual(3);
  expect(servers.length).toBeLessThanOrEqual(6);
});

test('who is not known has no trace, whatever is asked for', async () => {
  const { spans, ended } = observing();
  await ended(CLIENT, 'unauthenticated', { tenantId: undefined });
  expect(spans).toEqual([]);
});

test('steps and decisions are counted for every call', async () => {
  const { registry, ended } = observing();
  await ended(undefined, 'ok');
  await ended(undefined, 'policy_denied');
  const text = await registry.metrics();
  expect(text).toContain('conducktor_decisions_total{effect="allow",code="",service="test"} 1');
  expect(text).toContain(
    'conducktor_decisions_total{effect="deny",code="policy_denied",service="test"} 1',
  );
  expect(text).toContain('conducktor_step_seconds_count{step="decide",service="test"} 2');
  expect(text).toContain('conducktor_step_seconds_count{step="settle",service="test"} 1');
});
