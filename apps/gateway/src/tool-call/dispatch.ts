import { hangsOnOutcome } from '@conducktor/budget';
import type { CallMethod, CallRequest } from '@conducktor/contracts';
import type { CallOptions } from '@conducktor/runtime';
import { traceparentOf, type Timeline, type Tracer } from '@conducktor/telemetry';
import { channelOf, declaredTo } from '../interaction/client-channel.js';
import { isManagement } from '../management/connection.js';
import type { Workers } from '../workers/workers.js';
import type { Outcome, RunningCalls } from './running-calls.js';
import type { AdmittedCall } from './types.js';

/**
 * Sends the canonical arguments to the connector worker that serves this connection, relays what comes
 * meanwhile, and brings back the one outcome; cancelled there when the right to the call ends. Never
 * throws: a lost worker is an outcome too.
 */
export function dispatch(
  deps: { workers: Workers; runningCalls: RunningCalls; tracer?: Tracer | undefined },
  call: AdmittedCall,
  options: CallOptions = channelOf(call.input),
): Promise<Outcome> {
  const { tool, caller, input, sent } = call;
  const capabilities = declaredTo(call);
  const { logLevel } = input.context;
  const request: CallRequest = {
    key: call.key,
    callId: call.callId,
    tenantId: caller.workspace.tenantId,
    memberId: caller.member.id,
    ...(isManagement(tool.connection) ? { clientId: caller.clientId } : {}),
    connectionId: tool.connection.id,
    revision: tool.connection.revision,
    method: sent.method as CallMethod,
    name: sent.name,
    argumentsJson: sent.argumentsJson,
    timeoutMs: tool.connection.timeoutMs,
    progress: input.onProgress !== undefined,
    ...(input.meta ? { meta: input.meta } : {}),
    ...(capabilities ? { capabilities } : {}),
    ...(logLevel ? { logLevel } : {}),
    ...(call.round?.input ? { input: call.round.input } : {}),
    ...(hangsOnOutcome(call.quote) ? { quote: call.quote } : {}),
    ...(deps.tracer ? { traceparent: traceparentFor(deps.tracer, input.context.timeline) } : {}),
  };
  return deps.runningCalls.run(call, options.signal, (signal) =>
    deps.workers.call(request, { ...options, signal }),
  );
}

/** The call takes its place in a trace now, whether or not it is sampled: others are told of it. */
function traceparentFor(tracer: Tracer, timeline: Timeline): string {
  return traceparentOf((timeline.trace ??= tracer.join(timeline.traceparent)));
}
