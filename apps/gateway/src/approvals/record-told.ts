import type { Code } from '@conducktor/contracts';
import { aboutCall } from '../tool-call/decide.js';
import { Refusal } from '../tool-call/refusal.js';
import { recordRefusal, type RefuseDeps } from '../tool-call/refuse.js';
import type { ApprovalRequest, CallToApprove } from './types.js';

/** The audit record of what a client is told of a request; calls of the same in a row share one. */
export interface Recorded {
  callId: string | undefined;
}

/** Before its client is told: that somebody asked, or learnt how it ended, is evidence too. */
export async function recordTold(
  deps: RefuseDeps,
  call: CallToApprove,
  request: ApprovalRequest,
  code: Code,
): Promise<Recorded> {
  const refusal = new Refusal(code, `It is told how request ${request.id} stands.`, {
    ...aboutCall(call, call.decision.ruleId),
    approval: request.id,
  });
  deps.metrics.ended(code);
  call.input.context.timeline.facts = {
    end: code,
    tenantId: request.tenantId,
    tool: request.tool,
  };
  return { callId: await recordRefusal(deps, refusal) };
}
