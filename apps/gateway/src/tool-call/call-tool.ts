import type { GovernedDeps } from '../governed.js';
import { approve } from '../approvals/approve.js';
import { noteAnswered } from '../approvals/result.js';
import { continueCall } from '../interaction/continue-call.js';
import { converse } from '../interaction/converse.js';
import { inRounds } from '../interaction/in-rounds.js';
import { resume } from '../interaction/resume.js';
import type { ToolCallAnswer, ToolCallInput } from '../mcp/ports.js';
import { price } from '../price/price.js';
import { asksSeen, lookUpSeen } from '../taint/look-up.js';
import { carriedCall } from '../tool-search/carried-call.js';
import { findTools, isFinding } from '../tool-search/find-tools.js';
import { admit } from './admit.js';
import { TOOL_CALL } from './answers.js';
import { attach } from './attach.js';
import { authenticate } from './authenticate.js';
import { checkArguments } from './check-arguments.js';
import { checkHeaders } from './check-headers.js';
import { decideTool, wantsApproval } from './decide.js';
import { limit, type TokensInHand } from './limit.js';
import { resolve } from './resolve.js';

/**
 * A governed tool call, from bearer token to recorded outcome. Each step takes what the step before
 * it made, so another order does not compile. Whatever ends it early is answered and recorded in
 * `refuse`; nothing is sent before `admit` has committed, and what was sent is always settled.
 */
export function callTool(deps: GovernedDeps, input: ToolCallInput): Promise<ToolCallAnswer> {
  const { timeline } = input.context;
  const inHand: TokensInHand = {};
  return inRounds(deps, { context: input.context, method: TOOL_CALL }, async (round) => {
    const caller = await authenticate(deps, input.context, input.name);
    if (isFinding(caller, input)) return findTools(deps, caller, input);
    timeline.mark('resolve');
    const call = carriedCall(caller, input);
    const target = resolve(caller, call.name);
    if (call === input) checkHeaders(target, input);
    timeline.mark('arguments');
    const checked = continueCall(deps, checkArguments(deps, target, call), round);
    // A call that waits for what its client was asked: decided again, then given the replies.
    if ('held' in checked) return resume(deps, checked);
    timeline.mark('decide');
    const decided = decideTool(asksSeen(checked) ? await lookUpSeen(deps, checked) : checked);
    timeline.mark('limit');
    const limited = await limit(deps, decided, inHand);
    const priced = price(limited);
    const cleared = wantsApproval(priced) ? await approve(deps, priced) : priced;
    if ('answer' in cleared) return cleared.answer;
    timeline.mark('admit');
    const admitted = await admit(deps, cleared);
    inHand.tokens = undefined;
    if ('attachedTo' in admitted) return attach(deps, admitted);
    // Dispatch, what the upstream asks the client meanwhile, settle.
    const answer = await converse(deps, admitted);
    if (admitted.approval) await noteAnswered(deps, admitted);
    return answer;
  });
}
