import type { CallRequest, CallResult } from '@conducktor/contracts';
import { CounterFamily, gauge, gauges, HistogramFamily, type Registry } from '@conducktor/runtime';
import { wallClock, type Tracer } from '@conducktor/telemetry';
import type { CallTrace } from './call-trace.js';

/** Connections with figures of their own; the rest are summed under `other`. */
const MOST_CONNECTIONS = 100;
const UPSTREAM_SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** The upstream, or the way to it, failed; an `error` is its own answer to this call. */
const NOT_FAILED: ReadonlySet<CallResult['outcome']> = new Set(['ok', 'cancelled', 'not_sent']);

/** Counts what came of each call by its connection, and makes its span where it is traced. */
export class CallObserver {
  readonly #calls: CounterFamily<'connection' | 'outcome'>;
  readonly #seconds: HistogramFamily<'connection'>;

  constructor(
    registry: Registry,
    private readonly tracer: Tracer | undefined,
  ) {
    this.#calls = new CounterFamily({
      registry,
      name: 'conducktor_upstream_calls_total',
      help: 'Calls at upstreams by connection and outcome',
      labels: ['connection', 'outcome'],
      mostChildren: MOST_CONNECTIONS * 4,
    });
    this.#seconds = new HistogramFamily({
      registry,
      name: 'conducktor_upstream_call_seconds',
      help: 'Time from sending a call to an upstream to its answer, by connection',
      labels: ['connection'],
      buckets: UPSTREAM_SECONDS,
      mostChildren: MOST_CONNECTIONS,
    });
  }

  ended(request: CallRequest, trace: CallTrace | undefined, result: CallResult): void {
    const { connectionId } = request;
    this.#calls.of(connectionId, result.outcome).inc();
    this.#seconds.of(connectionId).observe(result.durationMs / 1_000);
    const failed = !NOT_FAILED.has(result.outcome);
    if (!trace || !this.tracer?.keeps(trace.context, failed)) return;
    const { traceId, spanId, parentSpanId } = trace.context;
    const { method, name } = request;
    const tool = method === 'tools/call' ? name : undefined;
    this.tracer.record({
      name: tool === undefined ? method : `${method} ${tool}`,
      kind: 'client',
      traceId,
      spanId,
      parentSpanId,
      startMs: wallClock(trace.startedAt),
      endMs: wallClock(performance.now()),
      attributes: {
        'mcp.method.name': method,
        ...(tool !== undefined && {
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': tool,
        }),
        'conducktor.tenant.id': request.tenantId,
        'conducktor.connection.id': connectionId,
        'conducktor.call.id': request.callId,
        'conducktor.outcome': result.outcome,
      },
      events: trace.events.map(({ name: event, at }) => ({ name: event, atMs: wallClock(at) })),
      error: failed ? errorType(request, result) : undefined,
    });
  }
}

/** The code of the upstream's own error is its own to choose; its words stay out. */
function errorType({ method }: CallRequest, { outcome, error }: CallResult): string {
  if (outcome !== 'error') return outcome;
  if (error) return String(error.code);
  return method === 'tools/call' ? 'tool_error' : 'upstream_error';
}

/** How this worker stands, looked up when somebody asks. */
export function processMetrics(
  registry: Registry,
  parts: {
    inFlight(): number;
    outcomesKept(): number;
    /** Whether each connection's breaker is open. */
    breakers(): Iterable<readonly [connectionId: string, isOpen: boolean]>;
  },
): void {
  gauge({
    registry,
    name: 'conducktor_worker_calls_in_flight',
    help: 'Calls that this worker has taken and not answered, waiting ones included',
    read: parts.inFlight,
  });
  gauge({
    registry,
    name: 'conducktor_worker_outcomes_kept',
    help: 'Outcomes that no gateway has reported as durable yet',
    read: parts.outcomesKept,
  });
  gauges({
    registry,
    name: 'conducktor_upstream_breaker_open',
    help: 'Whether a connection is left alone because it failed several times in a row: 1 or 0',
    labels: ['connection'],
    mostChildren: MOST_CONNECTIONS,
    read: () =>
      [...parts.breakers()]
        // Where there are too many to show, those that matter are shown.
        .toSorted(([, a], [, b]) => Number(b) - Number(a))
        .map(([connection, isOpen]) => [connection, Number(isOpen)] as const),
  });
}
