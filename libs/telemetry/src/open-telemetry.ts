import { randomUUID } from 'node:crypto';
import { CounterFamily, type Logger, type Registry } from '@conducktor/runtime';
import type { Resource } from '@opentelemetry/resources';
import type { MetricSender, Protocol } from './otlp/exporters.js';
import { SpanQueue } from './span-queue.js';
import { Tracer, type Sampler } from './tracer.js';

/** OpenTelemetry's own variables, read by libs/config. */
export interface TelemetryConfig {
  OTEL_SDK_DISABLED: boolean;
  OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  OTEL_EXPORTER_OTLP_PROTOCOL: Protocol;
  OTEL_TRACES_EXPORTER: 'otlp' | 'none';
  OTEL_METRICS_EXPORTER: 'otlp' | 'none';
  OTEL_TRACES_SAMPLER: Sampler;
  OTEL_TRACES_SAMPLER_ARG: number;
  OTEL_BSP_SCHEDULE_DELAY: number;
  OTEL_BSP_MAX_QUEUE_SIZE: number;
  OTEL_METRIC_EXPORT_INTERVAL: number;
  OTEL_SERVICE_NAME?: string | undefined;
  OTEL_RESOURCE_ATTRIBUTES?: Readonly<Record<string, string>> | undefined;
  ENVIRONMENT: string;
}

export interface Telemetry {
  /** Absent: nothing is traced. */
  tracer: Tracer | undefined;
  /** Sends what waits, for two seconds at most. */
  stop(): Promise<void>;
}

const OFF: Telemetry = { tracer: undefined, stop: () => Promise.resolve() };
const STOP_MS = 2_000;

/**
 * Traces and metrics by OTLP for one service, if OTEL_EXPORTER_OTLP_ENDPOINT says where to. Nothing of
 * OpenTelemetry is loaded otherwise. What cannot be exported is counted in `registry`.
 */
export async function openTelemetry(options: {
  service: string;
  config: TelemetryConfig;
  registry: Registry;
  logger: Logger;
}): Promise<Telemetry> {
  const { service, config, registry, logger } = options;
  const dropped = new CounterFamily({
    registry,
    name: 'conducktor_telemetry_dropped_total',
    help: 'Spans and metric exports that were given up: the queue was full or the collector away',
    labels: ['signal'],
  });
  const droppedSpans = dropped.of('traces');
  const droppedMetrics = dropped.of('metrics');
  if (config.OTEL_SDK_DISABLED || config.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return OFF;

  const { metricSender, resourceOf, spanSender } = await import('./otlp/exporters.js');
  const resource = resourceOf({
    'service.name': `conducktor-${service}`,
    'service.namespace': 'conducktor',
    'service.instance.id': randomUUID(),
    'deployment.environment.name': config.ENVIRONMENT,
    ...config.OTEL_RESOURCE_ATTRIBUTES,
    // Of two names this one counts (OpenTelemetry, SDK environment variables).
    ...(config.OTEL_SERVICE_NAME !== undefined && { 'service.name': config.OTEL_SERVICE_NAME }),
  });
  const protocol = config.OTEL_EXPORTER_OTLP_PROTOCOL;

  const spans =
    config.OTEL_TRACES_EXPORTER === 'none' ? undefined : await spanSender(protocol, resource);
  const queue =
    spans &&
    new SpanQueue({
      send: (batch) => spans.send(batch),
      logger,
      onDropped: (count) => droppedSpans.inc(count),
      most: config.OTEL_BSP_MAX_QUEUE_SIZE,
      delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
    });
  const metrics =
    config.OTEL_METRICS_EXPORTER === 'none' ? undefined : await metricSender(protocol);
  const stopMetrics =
    metrics &&
    (await sendRegularly(metrics, {
      everyMs: config.OTEL_METRIC_EXPORT_INTERVAL,
      registry,
      resource,
      logger,
      onDropped: () => droppedMetrics.inc(),
    }));

  return {
    tracer:
      queue &&
      new Tracer({
        sampler: config.OTEL_TRACES_SAMPLER,
        ratio: config.OTEL_TRACES_SAMPLER_ARG,
        record: (span) => queue.add(span),
      }),
    stop: () =>
      within(
        STOP_MS,
        Promise.all([
          queue?.stop().then(() => spans?.stop()),
          stopMetrics?.().then(() => metrics?.stop()),
        ]),
      ),
  };
}

interface Regularly {
  everyMs: number;
  registry: Registry;
  resource: Resource;
  logger: Logger;
  onDropped(): void;
}

/** Cumulative figures, so one that did not arrive is made up for by the next. Returns what ends it. */
async function sendRegularly(sender: MetricSender, options: Regularly) {
  const { resourceMetrics } = await import('./otlp/metric-data.js');
  const { hrTime } = await import('./otlp/readable-spans.js');
  const startTime = hrTime(Date.now());
  let isAway = false;
  let sending: Promise<void> | undefined;
  const send = async () => {
    try {
      const times = { startTime, endTime: hrTime(Date.now()) };
      await sender.send(await resourceMetrics(options.registry, options.resource, times));
      if (isAway) options.logger.info('The collector takes metrics again');
      isAway = false;
    } catch (error) {
      options.onDropped();
      if (!isAway)
        options.logger.warn(
          { reason: (error as Error).message },
          'The collector takes no metrics; they are sent again when it does',
        );
      isAway = true;
    }
  };
  const sendOnce = () => (sending ??= send().finally(() => (sending = undefined)));
  const timer = setInterval(() => void sendOnce(), options.everyMs).unref();
  return async () => {
    clearInterval(timer);
    await sending;
    await sendOnce();
  };
}

async function within(ms: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, late]).catch(() => {});
  clearTimeout(timer);
}
