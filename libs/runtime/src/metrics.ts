import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

export { Counter, Histogram, type Registry } from 'prom-client';

/** A registry with the process's own figures, in Prometheus text format by `metrics()`. */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** What the gateway counts of calls. Labels are few and bounded: no tenant, person or tool. */
export interface CallMetrics {
  /** A call or refusal that ended; `end` is an outcome or a code. */
  ended(end: string, durationMs?: number): void;
  /** One committed tick. */
  tick(intents: number, outcomes: number, durationMs: number): void;
}

export function callMetrics(registry: Registry): CallMetrics {
  const calls = new Counter({
    name: 'conducktor_calls_total',
    help: 'Governed calls by how they ended: an outcome of the upstream, or the code of a refusal',
    labelNames: ['end'] as const,
    registers: [registry],
  });
  const upstream = new Histogram({
    name: 'conducktor_upstream_seconds',
    help: 'Time from sending a call to its outcome',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  const commits = new Histogram({
    name: 'conducktor_tick_seconds',
    help: 'Time of one journal transaction',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.02, 0.1, 1],
    registers: [registry],
  });
  const rows = new Counter({
    name: 'conducktor_tick_rows_total',
    help: 'Intents and outcomes that committed ticks carried',
    labelNames: ['kind'] as const,
    registers: [registry],
  });
  const intentRows = rows.labels('intent');
  const outcomeRows = rows.labels('outcome');
  return {
    ended: (end, durationMs) => {
      calls.labels(end).inc();
      if (durationMs !== undefined) upstream.observe(durationMs / 1_000);
    },
    tick: (intents, outcomes, durationMs) => {
      commits.observe(durationMs / 1_000);
      intentRows.inc(intents);
      outcomeRows.inc(outcomes);
    },
  };
}
