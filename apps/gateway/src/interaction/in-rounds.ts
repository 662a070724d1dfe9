import { setTimeout as pause } from 'node:timers/promises';
import { ConducktorError } from '@conducktor/contracts';
import type { GovernedDeps } from '../governed.js';
import type { McpRequestContext, ToolCallAnswer } from '../mcp/ports.js';
import { ApprovalGone, Refusal, StaleDecision } from '../tool-call/refusal.js';
import { refuse } from '../tool-call/refuse.js';
import type { Round } from './rounds.js';

// A workspace that changes faster than this many decisions in a row is answered "not now".
const DECISIONS = 4;
// Whoever uses the same approval has it committed within the time of a tick, or has failed.
const APPROVAL_LOOKS = 12;
const APPROVAL_PAUSE_MS = { first: 50, most: 1_500 };

/**
 * Tells a story until it has an answer for the client: from its beginning when the workspace changed
 * before the call was admitted, and again for each round of questions that the gateway has answers
 * to. Whatever ends it early is answered and recorded in `refuse`.
 */
export async function inRounds(
  deps: GovernedDeps,
  asked: { context: McpRequestContext; method: string },
  story: (round?: Round) => Promise<ToolCallAnswer | Round>,
): Promise<ToolCallAnswer> {
  let round: Round | undefined;
  for (let decision = 1; ; decision++) {
    try {
      const answer = await story(round);
      if (answer.kind !== 'round') return answer;
      round = answer;
      decision = 0;
    } catch (error) {
      // The workspace changed while we decided: the answer must come from what it is now.
      if (error instanceof StaleDecision && decision < DECISIONS) {
        await deps.workspaces.refresh(error.workspace);
        continue;
      }
      // Somebody else has used the approval, or is about to: what became of it is found by looking again.
      if (error instanceof ApprovalGone && decision < APPROVAL_LOOKS) {
        const { first, most } = APPROVAL_PAUSE_MS;
        await pause(Math.min(first * 2 ** (decision - 1), most));
        continue;
      }
      // What the round before got answers to is not asked for any more: its key is free again.
      if (round?.idempotency && wasNotSent(error)) await deps.freeKey(round.idempotency);
      return refuse(deps, error, asked.context, asked.method);
    }
  }
}

/** Anything else is a defect, and says nothing of how far the call got. */
function wasNotSent(error: unknown): boolean {
  return (
    error instanceof Refusal ||
    error instanceof StaleDecision ||
    error instanceof ApprovalGone ||
    error instanceof ConducktorError
  );
}
