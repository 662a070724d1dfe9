import { PerSecond } from './per-second.js';
import type { Span } from './span.js';
import {
  newSpanId,
  newTraceId,
  parseTraceparent,
  type Parent,
  type TraceContext,
} from './trace-context.js';

/** Traces that callers may ask for, and failures that are kept though nobody sampled them: each second. */
const ASKED_PER_SECOND = 50;
const FAILURES_PER_SECOND = 20;

export type Sampler =
  | 'always_on'
  | 'always_off'
  | 'traceidratio'
  | 'parentbased_always_on'
  | 'parentbased_always_off'
  | 'parentbased_traceidratio';

export interface TracerOptions {
  /** OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG. */
  sampler: Sampler;
  ratio: number;
  /** Takes what is to be exported; never throws, never waits. */
  record(span: Span): void;
  askedPerSecond?: number;
  failuresPerSecond?: number;
}

/**
 * Decides what is traced. A parent's wish counts from callers that have been authenticated, and from
 * them up to a bound; else the ratio decides. What failed or was denied is kept in any case, up to a
 * bound: spans are made when all is over, so that can be known.
 */
export class Tracer {
  readonly #asked: PerSecond;
  readonly #failures: PerSecond;
  readonly #parentBased: boolean;
  readonly #ratio: number;

  constructor(private readonly options: TracerOptions) {
    this.#asked = new PerSecond(options.askedPerSecond ?? ASKED_PER_SECOND);
    this.#failures = new PerSecond(options.failuresPerSecond ?? FAILURES_PER_SECOND);
    this.#parentBased = options.sampler.startsWith('parentbased_');
    if (options.sampler.endsWith('always_on')) this.#ratio = 1;
    else if (options.sampler.endsWith('always_off')) this.#ratio = 0;
    else this.#ratio = options.ratio;
  }

  /** Our place in the trace of an authenticated caller, or in a new one. */
  join(traceparent: string | undefined): TraceContext {
    const parent = parseTraceparent(traceparent);
    return this.#placeIn(
      parent,
      parent && this.#parentBased ? this.#follows(parent) : this.#draw(),
    );
  }

  /** The same for whoever is not known: which trace it is may be said, whether it is kept may not. */
  joinStranger(traceparent: string | undefined): TraceContext {
    return this.#placeIn(parseTraceparent(traceparent), this.#draw());
  }

  /** Of another service of ours, which has decided. `undefined`: it traces nothing. */
  continue(traceparent: string | undefined): TraceContext | undefined {
    const parent = parseTraceparent(traceparent);
    return parent && this.#placeIn(parent, parent.sampled);
  }

  /** Whether the spans of what has ended are to be made and recorded. */
  keeps(context: TraceContext, failed: boolean): boolean {
    return context.sampled || (failed && this.#failures.take());
  }

  /** Whether a failure that has no place in a trace yet is worth one. */
  keepsFailure(): boolean {
    return this.#failures.take();
  }

  record(span: Span): void {
    this.options.record(span);
  }

  #follows(parent: Parent): boolean {
    return parent.sampled && (this.#asked.take() || this.#draw());
  }

  #draw(): boolean {
    return this.#ratio > 0 && Math.random() < this.#ratio;
  }

  #placeIn(parent: Parent | undefined, sampled: boolean): TraceContext {
    return {
      traceId: parent?.traceId ?? newTraceId(),
      spanId: newSpanId(),
      parentSpanId: parent?.spanId,
      sampled,
    };
  }
}
