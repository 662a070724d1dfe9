import type { ReplyNote } from '@conducktor/contracts';
import { Refusal } from '../tool-call/refusal.js';
import type { CheckedCall } from '../tool-call/types.js';
import { keyOf } from './answers.js';
import { isObject } from './input-requests.js';
import type { RequestStates } from './request-state.js';
import { askedBy, type OpenAsk, type Round } from './rounds.js';

/** A request that brings the replies for a call which waits in a worker. */
export interface HeldCall extends CheckedCall {
  held: { callId: string; asks: OpenAsk[]; replies: ReplyNote[] };
}

/**
 * What a request continues, if anything: a call that is held, or an earlier round that its upstream
 * ended with a question. State that is not ours, or not for this very request, is refused.
 */
export function continueCall(
  deps: { states: RequestStates },
  call: CheckedCall,
  round: Round | undefined,
): CheckedCall | HeldCall {
  if (round) return inRound(call, round);
  if (!call.input.input) return call;
  const { requestState, inputResponses } = call.input.input;
  const responses = readResponses(call, inputResponses);
  if (requestState === undefined)
    return responses ? { ...call, round: { kind: 'round', number: 2, input: responses } } : call;
  const opened = deps.states.open(call, requestState);
  const given = responses?.inputResponses ?? {};
  if (!opened.ok) throw refusal(call, SENTENCES[opened.why]);
  const { state } = opened;
  switch (state.kind) {
    case 'held': {
      const { callId, asks } = state;
      const replies = asks.flatMap(({ askId }) => {
        const result = given[keyOf(askId)] as Record<string, unknown> | undefined;
        return result ? [{ askId, result }] : [];
      });
      return { ...call, held: { callId, asks, replies } };
    }
    case 'round': {
      const { number, requestState: upstreams } = state;
      const input = { ...responses, ...(upstreams !== undefined && { requestState: upstreams }) };
      return inRound(call, { kind: 'round', number, askedBy: state.askedBy, input });
    }
    case 'approval':
      return backFromApproval(call, given);
    case 'urls': {
      const refusedUrls = Object.values(given).some(
        (response) => (response as Record<string, unknown>)['action'] !== 'accept',
      );
      const { number } = state;
      return inRound(call, { kind: 'round', number, askedBy: state.askedBy, refusedUrls });
    }
  }
}

/** Whether the person went to look is told; what they may do there is for that page to say. */
function backFromApproval(call: CheckedCall, given: Record<string, unknown>): CheckedCall {
  const went = Object.values(given).some(
    (response) => isObject(response) && response['action'] === 'accept',
  );
  return { ...call, approvalShown: went ? 'looked-at' : 'left' };
}

/** Answers go to the server that asked, and to no other that has taken its place since. */
function inRound(call: CheckedCall, round: Round): CheckedCall {
  if (round.askedBy === undefined || round.askedBy === askedBy(call)) return { ...call, round };
  throw refusal(call, SENTENCES.changed);
}

const SENTENCES = {
  changed: 'What asked for this input was changed meanwhile. Make the request again without it.',
  expired: 'This requestState is more than ten minutes old. Make the request again without it.',
  'not-ours': 'This requestState was not given for this request.',
} as const;

function readResponses(
  call: CheckedCall,
  value: unknown,
): { inputResponses: Record<string, unknown> } | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value) || !Object.values(value).every(isObject))
    throw refusal(
      call,
      'inputResponses must be an object of objects, each the result of a request.',
    );
  return { inputResponses: value };
}

function refusal(call: CheckedCall, sentence: string): Refusal {
  return new Refusal('invalid_input', sentence, {
    caller: call.caller,
    toolName: call.tool.shownName,
    connection: call.tool.connection.slug,
    argumentsHash: call.argumentsHash,
  });
}
