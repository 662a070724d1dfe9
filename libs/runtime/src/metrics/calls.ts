import type { Registry } from 'prom-client';
import { CounterFamily, HistogramFamily } from './instruments.js';

/** What the gateway counts of calls. Labels are few and bounded: no tenant, person or tool. */
export interface CallMetrics {
  /** A call or refusal that ended; `end` is an outcome or a code. */
  ended(end: string, durationMs?: number): void;
  /** A request that said who it comes from: `ok`, or the code of its refusal. */
  arrived(result: string): void;
  /** One committed tick. */
  tick(intents: number, outcomes: number, durationMs: number): void;
}

const BATCH = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

export function callMetrics(registry: Registry): CallMetrics {
  const calls = new CounterFamily({
    registry,
    name: 'conducktor_calls_total',
    help: 'Governed calls by how they ended: an outcome of the upstream, or the code of a refusal',
    labels: ['end'],
  });
  const upstream = new HistogramFamily({
    registry,
    name: 'conducktor_upstream_seconds',
    help: 'Time from sending a call to its outcome',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
  }).of();
  const commits = new HistogramFamily({
    registry,
    name: 'conducktor_tick_seconds',
    help: 'Time of one journal transaction',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.02, 0.1, 1],
  }).of();
  const batches = new HistogramFamily({
    registry,
    name: 'conducktor_tick_rows',
    help: 'Rows of a kind that one journal transaction carried: its batch size',
    labels: ['kind'],
    buckets: BATCH,
  });
  const arrivals = new CounterFamily({
    registry,
    name: 'conducktor_authentications_total',
    help: 'Requests to MCP paths by what came of their token or key: ok, or the code of the refusal',
    labels: ['result'],
  });
  const arrivedWell = arrivals.of('ok');
  arrivals.of('unauthenticated');
  for (const end of ['ok', 'error', 'unknown', 'policy_denied']) calls.of(end);
  const intentRows = batches.of('intent');
  const outcomeRows = batches.of('outcome');
  return {
    ended: (end, durationMs) => {
      calls.of(end).inc();
      if (durationMs !== undefined) upstream.observe(durationMs / 1_000);
    },
    arrived: (result) => (result === 'ok' ? arrivedWell : arrivals.of(result)).inc(),
    tick: (intents, outcomes, durationMs) => {
      commits.observe(durationMs / 1_000);
      if (intents > 0) intentRows.observe(intents);
      if (outcomes > 0) outcomeRows.observe(outcomes);
    },
  };
}
