import { CounterFamily, createLogger, createMetrics, HistogramFamily } from '@conducktor/runtime';
import { startOtlpReceiver, type OtlpReceiver } from '@conducktor/testing';
import { afterEach, expect, test } from 'vitest';
import { openTelemetry, type Telemetry, type TelemetryConfig } from '../open-telemetry.js';
import type { Span } from '../span.js';
import { parseTraceparent } from '../trace-context.js';

let collector: OtlpReceiver | undefined;
let telemetry: Telemetry | undefined;
afterEach(async () => {
  await telemetry?.stop();
  await collector?.close();
  delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  delete process.env['OTEL_EXPORTER_OTLP_TIMEOUT'];
});

const SPAN: Span = {
  name: 'tools/call a_b',
  kind: 'server',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  startMs: 1_700_000_000_000.25,
  endMs: 1_700_000_000_001.5,
  attributes: { 'mcp.method.name': 'tools/call' },
  error: 'policy_denied',
};

const open = async (url: string | undefined, more: Partial<TelemetryConfig> = {}) => {
  // The SDK's exporters read it by themselves.
  if (url) process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = url;
  const lines: string[] = [];
  const registry = createMetrics('test');
  telemetry = await openTelemetry({
    service: 'test',
    registry,
    logger: createLogger('test', 'info', { write: (line) => void lines.push(line) }),
    config: {
      OTEL_SDK_DISABLED: false,
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_TRACES_SAMPLER_ARG: 1,
      OTEL_BSP_SCHEDULE_DELAY: 20,
      OTEL_BSP_MAX_QUEUE_SIZE: 100,
      OTEL_METRIC_EXPORT_INTERVAL: 60_000,
      ENVIRONMENT: 'development',
      ...more,
    },
  });
  return { telemetry, registry, lines };
};

test('without a collector nothing is traced', async () => {
  expect((await open(undefined)).telemetry.tracer).toBeUndefined();
  expect((await open('http://127.0.0.1:9', { OTEL_SDK_DISABLED: true })).telemetry.tracer).toBe(
    undefined,
  );
});

test('a span arrives with its times, parent and failure', async () => {
  collector = await startOtlpReceiver();
  const { telemetry: seen } = await open(collector.url);
  seen.tracer!.record(SPAN);
  await expect.poll(() => collector!.spans.length).toBe(1);
  expect(collector.spans[0]).toMatchObject({
    service: 'conducktor-test',
    name: SPAN.name,
    traceId: SPAN.traceId,
    spanId: SPAN.spanId,
    startTimeUnixNano: '1700000000000250000',
    endTimeUnixNano: '1700000000001500000',
    attributes: { 'mcp.method.name': 'tools/call', 'error.type': 'policy_denied' },
    failed: true,
  });
});

test('of two names for the service OTEL_SERVICE_NAME counts', async () => {
  collector = await startOtlpReceiver();
  const { telemetry: seen } = await open(collector.url, {
    OTEL_SERVICE_NAME: 'ours',
    OTEL_RESOURCE_ATTRIBUTES: { 'service.name': 'all' },
  });
  seen.tracer!.record(SPAN);
  await expect.poll(() => collector!.spans[0]?.service).toBe('ours');
});

test('Protocol Buffers are what is spoken when nobody says otherwise', async () => {
  collector = await startOtlpReceiver();
  const { telemetry: seen } = await open(collector.url, {
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  });
  seen.tracer!.record(SPAN);
  await expect.poll(() => collector!.bodies.length).toBe(1);
  const [{ path, headers, body }] = collector.bodies as [OtlpReceiver['bodies'][number]];
  expect([path, headers['content-type']]).toEqual(['/v1/traces', 'application/x-protobuf']);
  expect(body.includes(Buffer.from(SPAN.traceId, 'hex'))).toBe(true);
  expect(body.includes(SPAN.name)).toBe(true);
});

test('metrics are the counters of /metrics, once more when the process ends', async () => {
  collector = await startOtlpReceiver();
  const { telemetry: seen, registry } = await open(collector.url);
  new CounterFamily({ registry, name: 'a_total', help: 'A', labels: ['b'] }).of('c').inc(3);
  const times = new HistogramFamily({ registry, name: 'd_seconds', help: 'D', buckets: [1, 2] });
  for (const value of [0.5, 1.5, 9]) times.of().observe(value);
  await seen.stop();
  const sent = JSON.parse(collector.bodies.at(-1)!.body.toString()) as {
    resourceMetrics: { scopeMetrics: { metrics: { name: string }[] }[] }[];
  };
  const metric = (name: string) =>
    sent.resourceMetrics[0]!.scopeMetrics[0]!.metrics.find((each) => each.name === name);
  expect(metric('a_total')).toMatchObject({
    sum: {
      isMonotonic: true,
      dataPoints: [{ asDouble: 3, attributes: [{ key: 'b' }, { key: 'service' }] }],
    },
  });
  expect(metric('d_seconds')).toMatchObject({
    unit: 's',
    histogram: {
      dataPoints: [{ count: 3, sum: 11, explicitBounds: [1, 2], bucketCounts: [1, 1, 1] }],
    },
  });
});

test('a collector that is away costs one line of the log and no call, and what is lost is counted', async () => {
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '200';
  const { telemetry: seen, registry, lines } = await open('http://127.0.0.1:9');
  const began = performance.now();
  for (let span = 0; span < 1_000; span++) seen.tracer!.record(SPAN);
  expect(performance.now() - began).toBeLessThan(500);
  const dropped = async () =>
    Number(
      /conducktor_telemetry_dropped_total\{signal="traces".*\} (\d+)/.exec(
        await registry.metrics(),
      )?.[1],
    );
  await expect.poll(dropped, { timeout: 30_000 }).toBe(1_000);
  for (let span = 0; span < 10; span++) seen.tracer!.record(SPAN);
  await expect.poll(dropped, { timeout: 30_000 }).toBe(1_010);
  expect(lines.filter((line) => line.includes('takes no traces'))).toHaveLength(1);
});

test.each([
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', true],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02', false],
  ['cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later', true],
])('%s is a parent', (value, sampled) => {
  expect(parseTraceparent(value)).toMatchObject({ sampled });
});

test.each([
  undefined,
  '',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more',
  'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01',
  `cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-${'x'.repeat(300)}`,
  '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01, 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
])('%s is none (W3C Trace Context)', (value) => {
  expect(parseTraceparent(value)).toBeUndefined();
});
