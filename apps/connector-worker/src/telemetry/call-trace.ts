import { traceparentOf, type TraceContext } from '@conducktor/telemetry';

/** What happens to a call on its way to the upstream, besides its beginning and end. */
export type CallEvent = 'session ready' | 'session lost' | 'sent' | 'sent again';

const MOST_EVENTS = 16;

/** The trace of one call in this process: the span that the upstream becomes a child of. */
export class CallTrace {
  readonly startedAt = performance.now();
  readonly events: { name: CallEvent; at: number }[] = [];

  constructor(readonly context: TraceContext) {}

  /** What the upstream is told. */
  get traceparent(): string {
    return traceparentOf(this.context);
  }

  event(name: CallEvent): void {
    if (this.events.length < MOST_EVENTS) this.events.push({ name, at: performance.now() });
  }
}
