import type { CallResult, ReplyNote } from '@conducktor/contracts';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { decide } from '../tool-call/decide.js';
import { type LimitDeps, limitRequest } from '../tool-call/limit.js';
import { noteEnd } from '../tool-call/settle.js';
import type { RecordedCall } from '../tool-call/types.js';
import { heldAnswer } from './answers.js';
import type { HeldCall } from './continue-call.js';
import { type InteractionDeps, presentOutcome } from './converse.js';
import { relayAsks } from './relay-asks.js';

/**
 * Takes up a call that waits in a worker for what its client was asked, on whichever gateway the client
 * came back to. It is decided again, not admitted again: its record stands, and the gateway that made
 * the call settles it, or the worker's late outcome does. Refused now, the upstream is told no.
 */
export async function resume(
  deps: InteractionDeps & LimitDeps,
  call: HeldCall,
): Promise<ToolCallAnswer> {
  const { callId, asks, replies } = call.held;
  const take = {
    callId,
    tenantId: call.caller.workspace.tenantId,
    memberId: call.caller.member.id,
  };
  const { id: connectionId, slug } = call.tool.connection;
  const { timeline } = call.input.context;
  timeline.mark('decide');
  try {
    decide(call);
  } catch (refusal) {
    void deps.workers.resume(connectionId, { ...take, replies: asks.map(declined) }, {});
    throw refusal;
  }
  timeline.mark('limit');
  // A state may be brought back any number of times in its ten minutes.
  await limitRequest(deps, call.caller, call.tool.shownName, slug);
  const recorded: RecordedCall = { ...call, callId };
  const settledHere = deps.held.get(callId);
  timeline.mark('dispatch');
  const outcome = await relayAsks(call, (options) =>
    deps.runningCalls.run(call, options.signal, async (signal) =>
      knownOf(
        await deps.workers.resume(connectionId, { ...take, replies }, { ...options, signal }),
      ),
    ),
  );
  if ('asks' in outcome) return heldAnswer(deps, recorded, outcome.asks);
  noteEnd(recorded, outcome);
  // Where this gateway made the call, its answer leaves as any other does: once it is safe to tell.
  if (settledHere && outcome.outcome !== 'unknown') return await settledHere;
  return presentOutcome(deps, recorded, outcome);
}

/** That its worker cannot be reached now does not mean that the call was never sent. */
function knownOf(result: CallResult): CallResult {
  return result.outcome === 'unavailable' || result.outcome === 'not_sent'
    ? { outcome: 'unknown', durationMs: result.durationMs }
    : result;
}

/** A person may decline a form; a model or a list of roots can only fail. */
function declined({ askId, method }: HeldCall['held']['asks'][number]): ReplyNote {
  return method === 'elicitation/create'
    ? { askId, result: { action: 'decline' } }
    : { askId, error: { code: -1, message: 'This request was refused.' } };
}
