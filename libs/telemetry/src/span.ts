/** A span that has ended. Times are milliseconds since the epoch, with fractions. */
export interface Span {
  name: string;
  kind: 'server' | 'client' | 'internal';
  traceId: string;
  spanId: string;
  parentSpanId?: string | undefined;
  startMs: number;
  endMs: number;
  /** Names by the semantic conventions of OpenTelemetry where there are some; never arguments, results or secrets. */
  attributes: Record<string, string | number | boolean>;
  events?: readonly SpanEvent[];
  /** A low-cardinality word for what went wrong (`error.type`); absent: nothing did. */
  error?: string | undefined;
}

export interface SpanEvent {
  name: string;
  atMs: number;
}

/** Of `performance.now()` to milliseconds since the epoch, as this process saw it when it began. */
export const wallClock = (at: number): number => performance.timeOrigin + at;
