import {
  isForResults,
  redactNote,
  redactorOf,
  redactQuestion,
  type Redactions,
} from '../redact/redact-answer.js';
import { taintsOf, type TaintDeps } from '../taint/hand-over.js';
import { asksSeen, lookUpSeen } from '../taint/look-up.js';
import { decide } from '../tool-call/decide.js';
import type { CheckedCall, EntryInput } from '../tool-call/types.js';

type Asking = NonNullable<EntryInput['ask']>;

/**
 * The call with a channel on which nothing of its upstream reaches the client that its answer could not
 * hold: progress, log messages and questions are redacted, and come after it is noted that the client was
 * given something of such a tool. What cannot be is dropped; a question is answered as not asked. So is
 * one that was answered when the client had been given what the call, decided now, would be refused for.
 */
export function guardChannel<Call extends CheckedCall>(
  deps: TaintDeps,
  call: Call,
  redactions: Redactions,
): Call {
  const taints = taintsOf(call.tool);
  const redact = isForResults(redactions) ? redactorOf(redactions) : asItIs;
  const { onProgress, onNotification, ask } = call.input;
  const mayChange = ask !== undefined && asksSeen(call);
  if (taints.length === 0 && redact === asItIs && !mayChange) return call;
  if (!(onProgress ?? onNotification ?? ask)) return call;

  const noted = (): Promise<void> =>
    taints.length === 0 ? Promise.resolve() : deps.taints.note(call.caller, taints);
  // In their order: what need not be noted again still waits for what is being noted.
  const tell = (send: () => void): void =>
    void noted()
      .then(send)
      .catch((error: unknown) =>
        deps.logger.warn({ err: error, tool: call.tool.shownName }, 'A note was not handed on'),
      );
  const stillAllowed = async (): Promise<unknown> => decide(await lookUpSeen(deps, call));
  const input: EntryInput = {
    ...call.input,
    ...(onProgress && {
      onProgress: ({ message, ...progress }) =>
        tell(() =>
          onProgress(message === undefined ? progress : { ...progress, message: redact(message) }),
        ),
    }),
    ...(onNotification && {
      onNotification: ({ method, params }) =>
        tell(() => onNotification({ method, params: redactNote(redact, params) })),
    }),
    ...(ask && { ask: guardAsk(ask, noted, redact, mayChange ? stillAllowed : undefined) }),
  };
  return { ...call, input };
}

const asItIs = <T>(value: T): T => value;

function guardAsk(
  ask: Asking,
  noted: () => Promise<void>,
  redact: typeof asItIs,
  stillAllowed: (() => Promise<unknown>) | undefined,
): Asking {
  return async ({ method, params }) => {
    try {
      const question = redactQuestion(redact, params);
      await noted();
      const reply = await ask({ method, params: question });
      // What the answer says may be what the client was given since.
      await stillAllowed?.();
      return reply;
    } catch {
      return { error: { code: -32_603, message: 'This question was not answered.' } };
    }
  };
}
