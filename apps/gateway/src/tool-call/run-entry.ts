import type { GovernedDeps } from '../governed.js';
import { continueCall } from '../interaction/continue-call.js';
import { converse } from '../interaction/converse.js';
import { resume } from '../interaction/resume.js';
import type { Round } from '../interaction/rounds.js';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { asksSeen, lookUpSeen } from '../taint/look-up.js';
import { admit } from './admit.js';
import { attach } from './attach.js';
import { decide } from './decide.js';
import { limitedBy, limitRequest } from './limit.js';
import type { CheckedCall } from './types.js';

/** The second half of a governed request that is not a tool call, as in `callTool`. */
export async function runEntry(
  deps: GovernedDeps,
  checked: CheckedCall,
  round: Round | undefined,
): Promise<ToolCallAnswer | Round> {
  const call = continueCall(deps, checked, round);
  if ('held' in call) return resume(deps, call);
  const { caller, tool } = call;
  const { timeline } = call.input.context;
  timeline.mark('decide');
  const allowed = decide(asksSeen(call) ? await lookUpSeen(deps, call) : call);
  timeline.mark('limit');
  const withinLimit = await limitRequest(deps, caller, tool.shownName, tool.connection.slug);
  timeline.mark('admit');
  const admitted = await admit(deps, limitedBy(withinLimit, allowed));
  if ('attachedTo' in admitted) return attach(deps, admitted);
  return converse(deps, admitted);
}
