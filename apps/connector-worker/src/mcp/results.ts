import type { CallResult } from '@conducktor/contracts';
import type { Message } from './messages.js';

/** Longer results are discarded: they would not fit a client's context anyway, but would fill our memory. */
export const MAX_RESULT_BYTES = 10 * 1024 * 1024;

/** What an upstream's answer to tools/call means. */
export function callResultOf(
  answer: Extract<Message, { kind: 'result' | 'error' }>,
): Omit<CallResult, 'durationMs'> {
  if (answer.kind === 'error') return { outcome: 'error', error: answer.error };
  const { result, resultJson } = answer;
  const type = result['resultType'];
  if (type !== undefined && type !== 'complete') {
    // We declared no capability, so an upstream that wants input or makes a task breaks the protocol.
    return failed(
      `The server answered with a result of type "${String(type).slice(0, 50)}", which was not offered to it.`,
    );
  }
  return { outcome: result['isError'] === true ? 'error' : 'ok', resultJson };
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
