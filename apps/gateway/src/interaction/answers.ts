import type { AskNote } from '@conducktor/contracts';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { failureFor } from '../tool-call/answers.js';
import { CALL_ID, rpcError } from '../tool-call/rpc-errors.js';
import type { RecordedCall } from '../tool-call/types.js';
import { type InputRequest, toModern } from './input-requests.js';
import type { RequestStates } from './request-state.js';
import type { RequestState } from './rounds.js';

/** `input_required`: the client answers and calls again with the same arguments and this state. */
export function inputRequired(
  deps: { states: RequestStates },
  call: RecordedCall,
  requests: readonly [string, InputRequest][],
  state: RequestState | undefined,
): ToolCallAnswer {
  return {
    kind: 'result',
    result: {
      resultType: 'input_required',
      inputRequests: Object.fromEntries(requests),
      ...(state && { requestState: deps.states.seal(call, state) }),
      _meta: { [CALL_ID]: call.callId },
    },
  };
}

/** The questions of a call that stays open in the worker. */
export function heldAnswer(
  deps: { states: RequestStates },
  call: RecordedCall,
  asks: readonly AskNote[],
): ToolCallAnswer {
  const requests = asks.map((ask): [string, InputRequest] => [keyOf(ask.askId), toModern(ask)]);
  return inputRequired(deps, call, requests, {
    kind: 'held',
    callId: call.callId,
    asks: asks.map(({ askId, method }) => ({ askId, method })),
  });
}

/** What a question of a held call is called in `inputRequests`. */
export const keyOf = (askId: number): string => `ask-${askId}`;

/** The upstream asks what this client cannot be asked. */
export function cannotBeAsked(
  call: RecordedCall,
  requiredCapabilities: Record<string, unknown>,
): ToolCallAnswer {
  const { slug } = call.tool.connection;
  const sentence = `${slug} asks for something that this client cannot be asked.`;
  const code = 'client_cannot_be_asked';
  // The error is of 2026-07-28, as is its HTTP status.
  if (call.input.context.era === 'legacy')
    return failureFor(call.sent.method, code, sentence, call.callId);
  const error = rpcError(code, sentence, call.callId, { data: { requiredCapabilities } });
  return { kind: 'error', status: 400, error };
}

export function inputNotGiven(call: RecordedCall, why: string): ToolCallAnswer {
  const sentence = `${call.tool.connection.slug} asks for input, ${why}.`;
  return failureFor(call.sent.method, 'input_not_given', sentence, call.callId);
}
