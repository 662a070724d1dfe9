import type { CallResult } from '@conducktor/contracts';
import type { OutgoingCall } from '../connector.js';
import { mayAsk } from './capabilities.js';
import { isObject, type Message } from './messages.js';

/** Longer results are discarded: they would not fit a client's context anyway, but would fill our memory. */
export const MAX_RESULT_BYTES = 10 * 1024 * 1024;
/** Questions of one `input_required`; a person answers each. */
const MAX_INPUT_REQUESTS = 32;

/** What an upstream's answer to a call means. */
export function callResultOf(
  answer: Extract<Message, { kind: 'result' | 'error' }>,
  call: OutgoingCall,
  era: 'legacy' | 'modern',
): Omit<CallResult, 'durationMs'> {
  if (answer.kind === 'error') return { outcome: 'error', error: answer.error };
  const { result, resultJson } = answer;
  const type = result['resultType'];
  if (type !== undefined && type !== 'complete') {
    if (type === 'input_required' && era === 'modern' && isAnswerable(result, call))
      return { outcome: 'ok', resultJson };
    // What was not offered to an upstream it may not use.
    return failed(
      `The server answered with a result of type "${String(type).slice(0, 50)}", which was not offered to it.`,
    );
  }
  return { outcome: result['isError'] === true ? 'error' : 'ok', resultJson };
}

/**
 * `input_required` of 2026-07-28: of a method that has it, with questions that this client can be asked
 * or a state to come back with, or both.
 */
function isAnswerable(result: Record<string, unknown>, call: OutgoingCall): boolean {
  const { method, declared } = call;
  if (method !== 'tools/call' && method !== 'prompts/get' && method !== 'resources/read')
    return false;
  const { inputRequests = {}, requestState } = result;
  if (requestState !== undefined && typeof requestState !== 'string') return false;
  if (!isObject(inputRequests)) return false;
  const questions = Object.values(inputRequests);
  // A state alone asks nothing of the client, only to be called again.
  if (questions.length === 0) return requestState !== undefined;
  return (
    questions.length <= MAX_INPUT_REQUESTS &&
    questions.every(
      (one) =>
        isObject(one) &&
        typeof one['method'] === 'string' &&
        (one['params'] === undefined || isObject(one['params'])) &&
        mayAsk(declared, one['method'], isObject(one['params']) ? one['params'] : {}),
    )
  );
}

export function tooLarge(): Omit<CallResult, 'durationMs'> {
  return failed(
    `The server's result is larger than ${MAX_RESULT_BYTES / 1024 / 1024} MB and was discarded.`,
  );
}

/** The upstream did answer, but not with something that can be handed on. */
export function failed(message: string, data?: unknown): Omit<CallResult, 'durationMs'> {
  return {
    outcome: 'error',
    error: { code: -32603, message, ...(data !== undefined && { data }) },
  };
}
