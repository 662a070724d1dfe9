import type { CallResult, ReplyNote } from '@conducktor/contracts';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { redactAsks, redacted } from '../redact/redacted.js';
import { handOver } from '../taint/hand-over.js';
import { lookUpSeen } from '../taint/look-up.js';
import { decide } from '../tool-call/decide.js';
import { type LimitDeps, limitRequest } from '../tool-call/limit.js';
import { noteEnd } from '../tool-call/settle.js';
import type { AllowedCall, RecordedCall } from '../tool-call/types.js';
import { heldAnswer } from './answers.js';
import type { HeldCall } from './continue-call.js';
import { type InteractionDeps, presentOutcome } from './converse.js';
import { guardChannel } from './guard-channel.js';
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
  const looked = await lookUpSeen(deps, call);
  let allowed: AllowedCall;
  try {
    allowed = decide(looked);
  } catch (refusal) {
    void deps.workers.resume(connectionId, { ...take, replies: asks.map(declined) }, {});
    throw refusal;
  }
  timeline.mark('limit');
  // A state may be brought back any number of times in its ten minutes.
  await limitRequest(deps, call.caller, call.tool.shownName, slug);
  const { decision } = allowed;
  const recorded: RecordedCall = guardChannel(
    deps,
    { ...call, callId, decision },
    decision.redactions,
  );
  const settledHere = deps.held.get(callId);
  timeline.mark('dispatch');
  const outcome = await relayAsks(recorded, (options) =>
    deps.runningCalls.run(recorded, options.signal, async (signal) =>
      knownOf(
        await deps.workers.resume(connectionId, { ...take, replies }, { ...options, signal }),
      ),
    ),
  );
  if ('asks' in outcome)
    return handOver(deps, recorded, heldAnswer(deps, recorded, redactAsks(recorded, outcome.asks)));
  noteEnd(recorded, outcome);
  // Where this gateway made the call, its answer leaves as any other does: once it is safe to tell.
  const answer =
    settledHere && outcome.outcome !== 'unknown'
      ? // It was redacted as the policy was then.
        redacted(deps, recorded, await settledHere)
      : presentOutcome(deps, recorded, outcome);
  return handOver(deps, recorded, answer);
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
