import { CounterFamily, HistogramFamily, type Logger, type Registry } from '@conducktor/runtime';
import { STEPS, type Timeline, type Tracer } from '@conducktor/telemetry';
import type { McpRequestContext } from '../mcp/ports.js';
import { callSpans } from './call-spans.js';

export interface CallObserverDeps {
  registry: Registry;
  logger: Logger;
  tracer?: Tracer | undefined;
}

const STEP_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30];
const NOT_FAILED: ReadonlySet<string | undefined> = new Set([undefined, 'ok', 'cancelled']);

/**
 * Looks at each governed request once, when it has ended: its steps into histograms always, spans if
 * its trace is sampled or it failed or was denied, a line in the log if that is on.
 */
export class CallObserver {
  readonly #steps: HistogramFamily<'step'>;
  readonly #whole: HistogramFamily;
  readonly #decisions: CounterFamily<'effect' | 'code'>;

  constructor(private readonly deps: CallObserverDeps) {
    const { registry } = deps;
    this.#steps = new HistogramFamily({
      registry,
      name: 'conducktor_step_seconds',
      help: 'Time of each step of a governed request, from its beginning to that of the next one',
      labels: ['step'],
      buckets: STEP_SECONDS,
    });
    for (const step of STEPS) this.#steps.of(step);
    this.#whole = new HistogramFamily({
      registry,
      name: 'conducktor_request_seconds',
      help: 'Time of a governed request, from its body being read to its answer',
      buckets: STEP_SECONDS,
    });
    this.#decisions = new CounterFamily({
      registry,
      name: 'conducktor_decisions_total',
      help: 'Decisions of policy by effect, and the code that a refused caller was given',
      labels: ['effect', 'code'],
    });
    this.#decisions.of('allow', '');
    this.#decisions.of('deny', 'policy_denied');
  }

  /** The answer of the story, once it has been looked at. */
  async observe<Answer>(
    method: string,
    context: McpRequestContext,
    story: Promise<Answer>,
  ): Promise<Answer> {
    const answer = await story;
    this.#ended(method, context);
    return answer;
  }

  #ended(method: string, context: McpRequestContext): void {
    const { timeline } = context;
    const { steps, at, facts } = timeline;
    const endedAt = performance.now();
    for (let index = 0; index < steps.length; index++) {
      const until = at[index + 1] ?? endedAt;
      this.#steps.of(steps[index]!).observe((until - at[index]!) / 1_000);
    }
    this.#whole.of().observe((endedAt - at[0]!) / 1_000);
    this.#decided(timeline);
    const failed = !NOT_FAILED.has(facts?.end);
    this.#trace({ method, context, timeline, endedAt, failed });
    if (this.deps.logger.isLevelEnabled('debug'))
      this.deps.logger.debug(
        {
          method,
          end: facts?.end,
          callId: facts?.callId,
          ms: Math.round((endedAt - at[0]!) * 100) / 100,
          ...logIds(timeline),
        },
        'A request has ended',
      );
  }

  /** What comes after the decision was allowed; a story that was told again counts as it ended. */
  #decided({ steps, facts }: Timeline): void {
    const decided = steps.lastIndexOf('decide');
    if (decided < 0) return;
    if (steps.length > decided + 1) this.#decisions.of('allow', '').inc();
    else if (facts) this.#decisions.of(effectOf(facts.end), facts.end).inc();
  }

  #trace(request: Parameters<typeof callSpans>[0]): void {
    const { tracer } = this.deps;
    if (!tracer) return;
    const { timeline, failed } = request;
    // Who is not known has no place in a trace, and no way to fill it.
    if (timeline.facts?.tenantId === undefined && !timeline.trace) return;
    const trace = (timeline.trace ??= tracer.join(timeline.traceparent));
    if (!tracer.keeps(trace, failed)) return;
    for (const span of callSpans(request, trace)) tracer.record(span);
  }
}

const effectOf = (code: string): string =>
  code === 'approval_required' ? 'require_approval' : 'deny';

/** What joins a line of the log to its trace. */
export function logIds({ trace }: Timeline): { trace_id?: string; span_id?: string } {
  return trace ? { trace_id: trace.traceId, span_id: trace.spanId } : {};
}
