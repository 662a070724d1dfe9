import type { GovernedDeps } from '../governed.js';
import type { ToolCallAnswer, ToolCallInput } from '../mcp/ports.js';
import { admit } from './admit.js';
import { answerOf } from './answers.js';
import { attach } from './attach.js';
import { authenticate } from './authenticate.js';
import { checkArguments } from './check-arguments.js';
import { checkHeaders } from './check-headers.js';
import { decide } from './decide.js';
import { dispatch } from './dispatch.js';
import { limit } from './limit.js';
import { refuse } from './refuse.js';
import { StaleDecision } from './refusal.js';
import { resolve } from './resolve.js';
import { settle } from './settle.js';

// A workspace that changes faster than this many decisions in a row is answered "not now".
const DECISIONS = 4;

/**
 * A governed tool call, from bearer token to recorded outcome. Each step takes what the step before
 * it made, so another order does not compile. Whatever ends it early is answered and recorded in
 * `refuse`; nothing is sent before `admit` has committed, and what was sent is always settled.
 */
export async function callTool(deps: GovernedDeps, input: ToolCallInput): Promise<ToolCallAnswer> {
  for (let decision = 1; ; decision++) {
    try {
      const caller = await authenticate(deps, input.context);
      const target = resolve(caller, input.name);
      checkHeaders(target, input);
      const checked = checkArguments(deps, target, input);
      const allowed = decide(checked);
      const limited = await limit(deps, allowed);
      const admitted = await admit(deps, limited);
      if ('attachedTo' in admitted) return await attach(deps, admitted);

      const outcome = await dispatch(deps, admitted);
      const answer = answerOf(admitted, outcome);
      return await settle(deps, admitted, outcome, answer);
    } catch (error) {
      // The workspace changed while we decided: the answer must come from what it is now.
      if (error instanceof StaleDecision && decision < DECISIONS) {
        await deps.workspaces.refresh(error.workspace);
        continue;
      }
      return refuse(deps, error, input.context);
    }
  }
}
