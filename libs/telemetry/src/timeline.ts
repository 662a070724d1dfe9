import type { TraceContext } from './trace-context.js';

/** The steps of a governed request, in the order of its story. */
export const STEPS = [
  'authenticate',
  'resolve',
  'arguments',
  'decide',
  'limit',
  'approve',
  'admit',
  'dispatch',
  'settle',
] as const;
export type Step = (typeof STEPS)[number];

/** What is known of a request when it has ended; nothing that its client made up, and nothing secret. */
export interface CallFacts {
  /** An outcome of the upstream, or the code of a refusal. */
  end: string;
  tenantId?: string | undefined;
  callId?: string | undefined;
  connectionId?: string | undefined;
  /** A name that exists in the workspace. */
  tool?: string | undefined;
}

/** A list asks many upstreams; what comes beyond these is not marked. */
const MOST_MARKS = 64;

/**
 * When the steps of one governed request began, as of `performance.now()`. A step lasts until the next
 * mark, the last one until the request is observed. Spans and histograms are made of it afterwards, so
 * that a call nobody looks at costs its marks only: well under a microsecond each.
 */
export class Timeline {
  readonly steps: Step[] = ['authenticate'];
  /** Beginnings, one for each of `steps`. */
  readonly at: number[] = [performance.now()];
  /** Our place in a trace, from the moment on that somebody is to be told of it. */
  trace: TraceContext | undefined;
  /** Absent: it has not ended, or with a question to its client. */
  facts: CallFacts | undefined;

  /** `traceparent` is the client's word (W3C Trace Context), unread: nothing follows it yet. */
  constructor(readonly traceparent?: string) {}

  /** This step begins now, and the one before it has ended. A story told again marks its steps again. */
  mark(step: Step): void {
    if (this.steps.length >= MOST_MARKS) return;
    this.steps.push(step);
    this.at.push(performance.now());
  }
}
