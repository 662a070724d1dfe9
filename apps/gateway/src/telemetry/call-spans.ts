import {
  newSpanId,
  wallClock,
  type Span,
  type Timeline,
  type TraceContext,
} from '@conducktor/telemetry';
import type { McpRequestContext } from '../mcp/ports.js';
import { TOOL_CALL } from '../tool-call/answers.js';

/** What a span is made of besides the timeline. */
export interface ObservedRequest {
  method: string;
  context: Pick<McpRequestContext, 'protocolVersion'>;
  timeline: Timeline;
  /** As of `performance.now()`. */
  endedAt: number;
  failed: boolean;
}

/**
 * The server span of a governed request and one child for each step, named by the semantic conventions
 * for MCP (in development as of 2026-11). Ids only: no argument, no result, no name a client made up.
 */
export function callSpans(request: ObservedRequest, trace: TraceContext): Span[] {
  const { method, timeline, endedAt, failed } = request;
  const { facts, steps, at } = timeline;
  const { traceId, spanId, parentSpanId } = trace;
  const tool = method === TOOL_CALL ? facts?.tool : undefined;
  const error = failed ? errorType(method, facts?.end) : undefined;
  const server: Span = {
    name: tool === undefined ? method : `${method} ${tool}`,
    kind: 'server',
    traceId,
    spanId,
    parentSpanId,
    startMs: wallClock(at[0]!),
    endMs: wallClock(endedAt),
    attributes: {
      'mcp.method.name': method,
      'mcp.protocol.version': request.context.protocolVersion,
      'network.protocol.name': 'http',
      'network.transport': 'tcp',
      ...(method === TOOL_CALL && { 'gen_ai.operation.name': 'execute_tool' }),
      ...(tool !== undefined && { 'gen_ai.tool.name': tool }),
      'conducktor.outcome': facts?.end ?? ASKED,
      ...(facts?.tenantId && { 'conducktor.tenant.id': facts.tenantId }),
      ...(facts?.callId && { 'conducktor.call.id': facts.callId }),
      ...(facts?.connectionId && { 'conducktor.connection.id': facts.connectionId }),
    },
    error,
  };
  const children = steps.map((step, index): Span => ({
    name: step,
    kind: 'internal',
    traceId,
    spanId: newSpanId(),
    parentSpanId: spanId,
    startMs: wallClock(at[index]!),
    endMs: wallClock(at[index + 1] ?? endedAt),
    attributes: {},
    // What ended the story ended in its last step.
    error: index === steps.length - 1 ? error : undefined,
  }));
  return [server, ...children];
}

/** It has no end yet: the client was asked something, and comes back with another request. */
const ASKED = 'asked';

function errorType(method: string, end: string | undefined): string {
  if (end === 'error') return method === TOOL_CALL ? 'tool_error' : 'upstream_error';
  return end ?? 'internal_error';
}
