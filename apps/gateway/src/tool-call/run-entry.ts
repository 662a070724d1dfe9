import type { GovernedDeps } from '../governed.js';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { admit } from './admit.js';
import { answerOf } from './answers.js';
import { attach } from './attach.js';
import { decide } from './decide.js';
import { dispatch } from './dispatch.js';
import { limitedBy, limitRequest } from './limit.js';
import { settle } from './settle.js';
import type { CheckedCall } from './types.js';

/** The second half of a governed request that is not a tool call, as in `callTool`. */
export async function runEntry(deps: GovernedDeps, checked: CheckedCall): Promise<ToolCallAnswer> {
  const { caller, tool } = checked;
  const allowed = decide(checked);
  const paid = await limitRequest(deps, caller, tool.shownName, tool.connection.slug);
  const admitted = await admit(deps, limitedBy(paid, allowed));
  if ('attachedTo' in admitted) return attach(deps, admitted);

  const outcome = await dispatch(deps, admitted);
  const answer = answerOf(admitted, outcome);
  return settle(deps, admitted, outcome, answer);
}
