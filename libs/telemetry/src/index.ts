export { STEPS, Timeline, type CallFacts, type Step } from './timeline.js';
export { newSpanId, parseTraceparent, traceparentOf, type TraceContext } from './trace-context.js';
export { Tracer, type Sampler, type TracerOptions } from './tracer.js';
export { wallClock, type Span, type SpanEvent } from './span.js';
export { openObservability, type Observability } from './open-observability.js';
export { observeHttp, type ObservedResponse } from './observe-http.js';
