import type { Failure, ToolCallAnswer } from '../mcp/ports.js';
import type { RecordedCall } from '../tool-call/types.js';
import { declaredTo } from './client-channel.js';
import { cannotBeAsked, inputNotGiven, inputRequired } from './answers.js';
import {
  type InputRequest,
  missingCapability,
  readInputRequests,
  readUrlElicitations,
} from './input-requests.js';
import type { RequestStates } from './request-state.js';
import { askedBy, mayAsk } from './rounds.js';

/** An upstream of 2025-11-25 wants addresses visited before it is called again. */
const URL_ELICITATION = -32_042;

/** 2026-07-28: the client lacks a capability; over HTTP with status 400. */
const MISSING_CAPABILITY = -32_021;

/** UTF-16 units. Sealed and encoded, it has to come back in a body of at most 2 MiB. */
const MAX_STATE = 256 * 1024;

/** What an upstream's `input_required` wants, when this gateway answers it and not the client. */
export interface OwnQuestions {
  requests: readonly [string, InputRequest][];
  requestState: string | undefined;
}

/**
 * What the client of this call is told when its upstream asks for input instead of giving a result. A
 * modern client gets the questions that it may be asked, with a state of ours around the upstream's.
 * What the gateway answers itself passes unchanged, as does every other answer: see `ownQuestions`.
 */
export function presentQuestions(
  deps: { states: RequestStates },
  call: RecordedCall,
  answer: ToolCallAnswer,
): ToolCallAnswer {
  if (answer.kind === 'result')
    return asksForInput(answer) ? presentResult(deps, call, answer) : answer;
  if (answer.kind !== 'error' || call.input.context.era === 'legacy') return answer;
  if (answer.error.code === URL_ELICITATION) return presentUrls(deps, call, answer);
  return answer.error.code === MISSING_CAPABILITY ? { ...answer, status: 400 } : answer;
}

/** The questions that a recorded answer leaves to this gateway; undefined: it is for the client. */
export function ownQuestions(
  { input }: Pick<RecordedCall, 'input'>,
  answer: ToolCallAnswer,
): OwnQuestions | undefined {
  if (answer.kind !== 'result' || !asksForInput(answer)) return undefined;
  const requests = readInputRequests(answer.result['inputRequests']) ?? [];
  // Clients fail on a state without questions, so nobody but us calls again for it.
  if (input.context.era === 'modern' && requests.length > 0) return undefined;
  const state = answer.result['requestState'];
  return { requests, requestState: typeof state === 'string' ? state : undefined };
}

/** Of a call that people have approved: they have not seen what its client would answer. */
export function withoutQuestions(call: RecordedCall, answer: ToolCallAnswer): ToolCallAnswer {
  return answer.kind === 'result' && asksForInput(answer)
    ? inputNotGiven(call, 'which a call that was approved cannot give')
    : answer;
}

function asksForInput(answer: { result: Record<string, unknown> }): boolean {
  return answer.result['resultType'] === 'input_required';
}

function presentResult(
  deps: { states: RequestStates },
  call: RecordedCall,
  answer: Extract<ToolCallAnswer, { kind: 'result' }>,
): ToolCallAnswer {
  const requests = readInputRequests(answer.result['inputRequests']);
  const state = answer.result['requestState'];
  if (!requests || !mayAsk(call.sent.method) || (requests.length === 0 && state === undefined))
    return inputNotGiven(call, 'but in no way that MCP knows');
  if (state !== undefined && typeof state !== 'string')
    return inputNotGiven(call, 'but in no way that MCP knows');
  if (state !== undefined && state.length > MAX_STATE)
    return inputNotGiven(call, 'with more state than a client can bring back');
  if (requests.length === 0) return answer;
  // The worker lets no such question pass; here it is known what can be done about it.
  for (const [, request] of requests) {
    const missing = missingCapability(request, declaredTo(call));
    if (missing) return cannotBeAsked(call, missing);
  }
  if (call.input.context.era === 'legacy') return answer;
  const number = (call.round?.number ?? 1) + 1;
  return inputRequired(
    deps,
    call,
    requests,
    state === undefined
      ? undefined
      : { kind: 'round', number, askedBy: askedBy(call), requestState: state },
  );
}

function presentUrls(
  deps: { states: RequestStates },
  call: RecordedCall,
  answer: Failure,
): ToolCallAnswer {
  const requests = readUrlElicitations(answer.error.data);
  // The error does not exist in 2026-07-28; it is told all the same to who has refused to go there.
  if (!requests || !mayAsk(call.sent.method) || call.round?.refusedUrls) return answer;
  const missing = missingCapability(requests[0]![1], call.input.context.capabilities);
  if (missing) return cannotBeAsked(call, missing);
  const number = (call.round?.number ?? 1) + 1;
  return inputRequired(deps, call, requests, { kind: 'urls', number, askedBy: askedBy(call) });
}
