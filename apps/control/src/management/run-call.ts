import {
  ConducktorError,
  type CallRequest,
  type CallResult,
  type Code,
} from '@conducktor/contracts';
import type { Control } from '../control.js';
import { loadCaller } from '../http/caller.js';
import { invalidRequest } from '../http/problem.js';
import { refuseUnstorable } from '../http/unstorable.js';
import type { Handler } from './handler.js';
import { HANDLERS } from './handlers.js';

/**
 * Runs one management tool as the member who called it. The gateway has authenticated, decided and
 * recorded; who the member is and may do is read afresh here, and the guard is that of REST. Never
 * rejects: what went wrong is the result.
 */
export async function runCall(control: Control, request: CallRequest): Promise<CallResult> {
  const startedAt = performance.now();
  const handler = HANDLERS.get(request.name);
  const done = (result: Omit<CallResult, 'durationMs'>): CallResult => ({
    ...result,
    durationMs: performance.now() - startedAt,
  });
  if (!handler || request.method !== 'tools/call')
    return done({
      outcome: 'error',
      error: {
        code: -32_602,
        message: 'The control plane has no such tool. Is it of another version than the gateway?',
      },
    });
  try {
    const output = handler.tool.output.parse(await run(control, handler, request));
    return done({ outcome: 'ok', resultJson: JSON.stringify(resultOf(output)) });
  } catch (error) {
    if (error instanceof ConducktorError)
      return done({ outcome: 'error', resultJson: JSON.stringify(failureOf(error)) });
    control.logger.error(
      { err: error, tool: request.name, callId: request.callId },
      'A management call failed',
    );
    // A transaction of a write may have been committed all the same.
    if (handler.tool.class === 'write') return done({ outcome: 'unknown' });
    return done({ outcome: 'error', resultJson: JSON.stringify(failureOf(FAULT)) });
  }
}

const FAULT = new ConducktorError(
  'internal_error',
  'Something failed inside Conducktor. It was logged; try again, and tell the operator if it stays.',
);

async function run(control: Control, handler: Handler, request: CallRequest): Promise<unknown> {
  const { tenantId, memberId, clientId = 'unknown', callId } = request;
  const caller = await loadCaller(control, {
    tenantId,
    via: 'client',
    clientId,
    scopes: [],
    member: { id: memberId },
  });
  if (!caller)
    throw new ConducktorError(
      'forbidden',
      'Permission denied: you are no longer a member of this workspace.',
    );
  handler.guard.check(caller);
  const args: unknown = JSON.parse(request.argumentsJson);
  refuseUnstorable(request.argumentsJson, args);
  const input = handler.tool.input.safeParse(args);
  if (!input.success) throw invalidRequest(input.error, 'arguments');
  return handler.run({ control, caller, callId }, input.data);
}

function resultOf(structuredContent: unknown) {
  return {
    content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
    structuredContent,
  };
}

// What REST says of a body, a tool says of its arguments.
const AS_TOOL: Partial<Record<Code, Code>> = {
  invalid_request: 'invalid_arguments',
  forbidden: 'policy_denied',
};

function failureOf({ code, message }: ConducktorError) {
  return {
    content: [{ type: 'text', text: message }],
    isError: true,
    _meta: { 'conducktor/code': AS_TOOL[code] ?? code },
  };
}
