import { setTimeout as pause } from 'node:timers/promises';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { failureFor } from '../tool-call/answers.js';
import type { AdmittedCall } from '../tool-call/types.js';
import { inputNotGiven } from './answers.js';
import { toLegacy } from './input-requests.js';
import type { OwnQuestions } from './questions.js';
import { askedBy, MAX_ROUNDS, type Round, type TakenKey } from './rounds.js';

// A server that gives a state and no question wants time; the official clients wait as long.
const STATE_ONLY_PAUSE_MS = 250;

/**
 * Gets from the client what an upstream of 2026-07-28 wants to be called again with: asks a legacy
 * client, or waits a moment where nothing was asked. The round that follows is governed and recorded
 * like the one before.
 */
export async function nextRound(
  call: AdmittedCall,
  { requests, requestState }: OwnQuestions,
): Promise<ToolCallAnswer | Round> {
  const number = (call.round?.number ?? 1) + 1;
  if (number > MAX_ROUNDS) return inputNotGiven(call, `still after ${MAX_ROUNDS} rounds`);
  const { signal, ask } = call.input;
  if (requests.length === 0)
    await pause(STATE_ONLY_PAUSE_MS, undefined, { signal }).catch(() => undefined);
  const replies = await Promise.all(
    requests.map(async ([key, request]) => [key, await ask!(toLegacy(request))] as const),
  );
  if (signal.aborted)
    return failureFor(call.sent.method, 'cancelled', 'This call was cancelled.', call.callId);
  const wrong = replies.find(([, reply]) => !reply.result)?.[1].error;
  if (wrong || replies.some(([, reply]) => !reply.result))
    return inputNotGiven(call, `and this client answers: ${wrong?.message ?? 'nothing'}`);
  return {
    kind: 'round',
    number,
    askedBy: askedBy(call),
    input: {
      ...(requestState !== undefined && { requestState }),
      ...(replies.length > 0 && {
        inputResponses: Object.fromEntries(replies.map(([key, reply]) => [key, reply.result])),
      }),
    },
    idempotency: takenKey(call),
  };
}

/** The key that the first round of this request has taken, if any. */
export function takenKey({
  round,
  caller,
  callId,
  idempotencyHash: hash,
}: AdmittedCall): TakenKey | undefined {
  if (round?.idempotency) return round.idempotency;
  return hash === undefined ? undefined : { tenantId: caller.workspace.tenantId, hash, callId };
}
