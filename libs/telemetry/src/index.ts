export { STEPS, Timeline, type CallFacts, type Step } from './timeline.js';
export { newSpanId, parseTraceparent, traceparentOf, type TraceContext } from './trace-context.js';
export { Tracer, type Sampler, type TracerOptions } from './tracer.js';
export { wallClock, type Span, type SpanEvent } from './span.js';
export { openTelemetry, type Telemetry, type TelemetryConfig } from './open-telemetry.js';
