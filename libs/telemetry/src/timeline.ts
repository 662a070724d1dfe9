/** The steps of a governed request, in the order of its story. */
export const STEPS = [
  'authenticate',
  'resolve',
  'arguments',
  'decide',
  'limit',
  'admit',
  'dispatch',
  'settle',
] as const;
export type Step = (typeof STEPS)[number];

/**
 * When the steps of one governed request began, as of `performance.now()`. A step lasts until the next
 * mark, the last one until the request is observed. Spans and histograms are made of it afterwards, so
 * that a call nobody looks at costs its marks only: well under a microsecond each.
 */
export class Timeline {
  readonly steps: Step[] = ['authenticate'];
  /** Beginnings, one for each of `steps`. */
  readonly at: number[] = [performance.now()];

  /** `traceparent` is the client's word (W3C Trace Context), unread: nothing follows it yet. */
  constructor(readonly traceparent?: string) {}

  /** This step begins now, and the one before it has ended. A story told again marks its steps again. */
  mark(step: Step): void {
    this.steps.push(step);
    this.at.push(performance.now());
  }
}
