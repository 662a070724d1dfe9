/**
 * The OpenTelemetry SDK's own exporters, loaded only where there is a collector. They read
 * OTEL_EXPORTER_OTLP_* by themselves: address, headers, time limit, compression, certificates, and
 * those of one signal alone.
 */
import type { ExportResult } from '@opentelemetry/core';
import { resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Span } from '../span.js';
import { readableSpan } from './readable-spans.js';

export type Protocol = 'http/protobuf' | 'http/json';

export interface SpanSender {
  send(spans: readonly Span[]): Promise<void>;
  stop(): Promise<void>;
}

export interface MetricSender {
  send(metrics: ResourceMetrics): Promise<void>;
  stop(): Promise<void>;
}

export function resourceOf(attributes: Readonly<Record<string, string>>): Resource {
  return resourceFromAttributes(attributes);
}

export async function spanSender(protocol: Protocol, resource: Resource): Promise<SpanSender> {
  const { OTLPTraceExporter } = await (protocol === 'http/json'
    ? import('@opentelemetry/exporter-trace-otlp-http')
    : import('@opentelemetry/exporter-trace-otlp-proto'));
  const exporter = new OTLPTraceExporter();
  return {
    send: (spans) =>
      arrived((done) =>
        exporter.export(
          spans.map((span) => readableSpan(span, resource)),
          done,
        ),
      ),
    stop: () => exporter.shutdown(),
  };
}

export async function metricSender(protocol: Protocol): Promise<MetricSender> {
  const { OTLPMetricExporter } = await (protocol === 'http/json'
    ? import('@opentelemetry/exporter-metrics-otlp-http')
    : import('@opentelemetry/exporter-metrics-otlp-proto'));
  const exporter = new OTLPMetricExporter();
  return {
    send: (metrics) => arrived((done) => exporter.export(metrics, done)),
    stop: () => exporter.shutdown(),
  };
}

function arrived(send: (done: (result: ExportResult) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    send(({ code, error }) =>
      code === 0 ? resolve() : reject(error ?? new Error('The export failed.')),
    );
  });
}
