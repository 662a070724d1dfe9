import type { Logger } from '@conducktor/runtime';
import type { Tracer } from '@conducktor/telemetry';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { redactAsks, redacted } from '../redact/redacted.js';
import { handOver, type TaintDeps } from '../taint/hand-over.js';
import { logIds } from '../telemetry/call-observer.js';
import { answerOf, failureFor, stoppedAnswer } from '../tool-call/answers.js';
import type { AttachDeps } from '../tool-call/attach.js';
import { dispatch } from '../tool-call/dispatch.js';
import type { Outcome, RunningCalls } from '../tool-call/running-calls.js';
import { settle, type SettleDeps } from '../tool-call/settle.js';
import type { AdmittedCall, RecordedCall } from '../tool-call/types.js';
import type { Workers } from '../workers/workers.js';
import { heldAnswer } from './answers.js';
import { canBeAsked } from './client-channel.js';
import { guardChannel } from './guard-channel.js';
import type { HeldCalls } from './held-calls.js';
import { nextRound, takenKey } from './next-round.js';
import { ownQuestions, presentQuestions, withoutQuestions } from './questions.js';
import { relayAsks } from './relay-asks.js';
import type { RequestStates } from './request-state.js';
import type { Round } from './rounds.js';

export interface InteractionDeps extends SettleDeps, TaintDeps, Pick<AttachDeps, 'freeKey'> {
  logger: Logger;
  workers: Workers;
  states: RequestStates;
  held: HeldCalls;
  runningCalls: RunningCalls;
  /** Absent: nothing is traced. */
  tracer?: Tracer | undefined;
}

/**
 * From the admitted call to its answer: dispatch, what the upstream asks meanwhile, settle. Resolves
 * with a round where the gateway has got what the upstream wants to be called again with.
 *
 * A modern client is answered by the question while its call goes on; it is settled when its result
 * comes, whether or not anybody came back for it.
 */
export async function converse(
  deps: InteractionDeps,
  admitted: AdmittedCall,
): Promise<ToolCallAnswer | Round> {
  const call = guardChannel(deps, admitted, admitted.decision.redactions);
  const { timeline } = call.input.context;
  timeline.mark('dispatch');
  const outcome = canBeAsked(call)
    ? await relayAsks(
        call,
        (options) => dispatch(deps, call, options),
        () => deps.held.hasRoomFor(call),
      )
    : await dispatch(deps, call);
  if ('asks' in outcome) {
    hold(deps, call, outcome.outcome);
    return handOver(deps, call, heldAnswer(deps, call, redactAsks(call, outcome.asks)));
  }
  timeline.mark('settle');
  const answer = presentOutcome(deps, call, outcome);
  const settled = await settle(deps, call, outcome, answer);
  const questions = ownQuestions(call, settled);
  if (!questions) return handOver(deps, call, settled);
  const next = await nextRound(call, questions);
  const key = takenKey(call);
  // Nothing came of the questions: whoever tries again with the same key may be asked again.
  if (next.kind !== 'round' && key) await deps.freeKey(key);
  return next;
}

/** What the client is told of an outcome. Never throws: whatever a result is like, its call is settled. */
export function presentOutcome(
  deps: InteractionDeps,
  call: RecordedCall,
  outcome: Outcome,
): ToolCallAnswer {
  if (outcome.stopped) return stoppedAnswer(call, outcome, outcome.stopped);
  try {
    const answer = redacted(deps, call, answerOf(call, outcome));
    if ('approval' in call && call.approval) return withoutQuestions(call, answer);
    return presentQuestions(deps, call, answer);
  } catch (error) {
    deps.logger.error(
      { err: error, callId: call.callId, ...logIds(call.input.context.timeline) },
      'A result could not be handed on',
    );
    const sentence = `The result of ${call.tool.connection.slug} could not be handed on. The call was made.`;
    return failureFor(call.sent.method, 'internal_error', sentence, call.callId);
  }
}

function hold(deps: InteractionDeps, call: AdmittedCall, outcome: Promise<Outcome>): void {
  const settled = outcome.then((late) =>
    settle(deps, call, late, presentOutcome(deps, call, late)),
  );
  deps.held.add(call, settled);
  settled.catch((error: unknown) =>
    deps.logger.error({ err: error, callId: call.callId }, 'A held call could not be settled'),
  );
}
