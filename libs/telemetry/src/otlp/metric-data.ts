import { ValueType, type HrTime } from '@opentelemetry/api';
import type { Registry } from '@conducktor/runtime';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

type Metric = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];
type Labels = Record<string, string | number>;
interface Sample {
  value: number;
  labels: Labels;
  metricName?: string;
}
interface Times {
  startTime: HrTime;
  endTime: HrTime;
}

const SCOPE = { name: 'conducktor' };

/**
 * The figures of `/metrics` as the SDK's exporters take them: the same counters, names and labels, so that
 * one dashboard reads both.
 */
export async function resourceMetrics(
  registry: Registry,
  resource: Resource,
  times: Times,
): Promise<ResourceMetrics> {
  const metrics = (await registry.getMetricsAsJSON()).flatMap(
    (metric) => metricData(metric, times) ?? [],
  );
  return { resource, scopeMetrics: [{ scope: SCOPE, metrics }] };
}

function metricData(metric: Metric, times: Times): MetricData | undefined {
  const samples = (metric as unknown as { values: Sample[] }).values;
  const base = {
    descriptor: {
      name: metric.name,
      description: metric.help,
      unit: unitOf(metric.name),
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const points = () =>
    samples.map(({ labels, value }) => ({ ...times, attributes: labels, value }));
  // prom-client's types say it is a number; it is the word.
  switch (metric.type as unknown as string) {
    case 'counter':
      return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() };
    case 'gauge':
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: points() };
    case 'histogram':
      return {
        ...base,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: histogramPoints(metric.name, samples, times),
      };
    default:
      return undefined;
  }
}

function histogramPoints(name: string, samples: readonly Sample[], times: Times) {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  return [...series].map(([key, ofOne]) => {
    const cumulative = ofOne.filter(({ metricName }) => metricName === `${name}_bucket`);
    const figure = (suffix: string) =>
      ofOne.find(({ metricName }) => metricName === `${name}_${suffix}`)?.value ?? 0;
    return {
      ...times,
      attributes: JSON.parse(key) as Labels,
      value: {
        buckets: {
          boundaries: cumulative.slice(0, -1).map(({ labels }) => Number(labels['le'])),
          counts: cumulative.map(({ value }, at) => value - (cumulative[at - 1]?.value ?? 0)),
        },
        sum: figure('sum'),
        count: figure('count'),
      },
    };
  });
}

/** Units by UCUM, from the names by Prometheus. */
function unitOf(name: string): string {
  const bare = name.replace(/_total$/, '');
  if (bare.endsWith('_seconds')) return 's';
  return bare.endsWith('_bytes') ? 'By' : '1';
}
