import { ConducktorError, TAKEN_BACK, type Code } from '@conducktor/contracts';
import { isAway } from '@conducktor/db';
import type { TaintDeps } from '../taint/hand-over.js';
import type { ToolCallAnswer } from '../mcp/ports.js';
import type { AttachDeps } from '../tool-call/attach.js';
import { aboutCall, aboutRefused } from '../tool-call/decide.js';
import { Refusal, StaleDecision } from '../tool-call/refusal.js';
import type { RefuseDeps } from '../tool-call/refuse.js';
import type { ApprovedCall, PricedCall } from '../tool-call/types.js';
import { boundOf, coversCost, coversDemands } from './binding.js';
import type { ApprovalChanges } from './changes.js';
import { recordTold, type Recorded } from './record-told.js';
import { createRequest, endRequest, findRequest, isStale, type RequestDeps } from './requests.js';
import { answerOfEnd } from './result.js';
import { tellApproved, tellPending, tellRunning, tellUnreadable } from './tell.js';
import type { AnswerByCapability, ApprovalRequest, CallToApprove } from './types.js';
import { waitForChange } from './wait-for-change.js';

/** Within the rate limits: who asks for approval again and again is limited like any other. */
type PricedCallToApprove = CallToApprove & Pick<PricedCall, 'withinLimits' | 'quote'>;

export interface Approvals {
  changes: ApprovalChanges;
  /** How long a client that declares nothing better is held, in milliseconds. */
  holdMs: number;
  /** Has approved calls made now that are to be made at once. */
  run(): void;
  /** Reads what approvers are shown beside a call that was just asked for; nobody waits for it. */
  read(call: CallToApprove, request: ApprovalRequest): void;
  answerAtOnce?: AnswerByCapability | undefined;
}

export interface ApproveDeps
  extends RequestDeps, RefuseDeps, TaintDeps, Pick<AttachDeps, 'answers' | 'workspaces'> {
  approvals: Approvals;
}

// After the tool's own timeout: what its outcome takes to be recorded.
const SETTLE_MS = 5_000;
// Somebody else asked for the same call between the look and the insert, or ended what was found.
const LOOKS = 5;

/**
 * What a call comes to that policy wants approved first. It goes on with its approval, once that is given
 * and the client is to make the call; or it is answered: with the result of the same call, made when it was
 * approved, with how its request ended, or with whom it went to. Nothing is sent from here.
 */
export async function approve(
  deps: ApproveDeps,
  call: PricedCallToApprove,
): Promise<ApprovedCall | { answer: ToolCallAnswer }> {
  call.input.context.timeline.mark('approve');
  if (call.round) throw asksMidway(call);
  // Meanwhile it is no work of this process.
  const isBack = call.input.context.place?.away();
  try {
    return await decided(deps, call);
  } catch (error) {
    if (!isAway(error)) throw error;
    throw new ConducktorError('governance_unavailable', CANNOT_ASK, { cause: error });
  } finally {
    isBack?.();
  }
}

const CANNOT_ASK = 'Nobody can be asked for approval right now.';

async function decided(
  deps: ApproveDeps,
  call: PricedCallToApprove,
): Promise<ApprovedCall | { answer: ToolCallAnswer }> {
  const { signal } = call.input;
  let until = Date.now() + deps.approvals.holdMs;
  let recorded: Recorded | undefined;
  let request = await requestOf(deps, call);
  for (;;) {
    switch (request.status) {
      case 'pending': {
        recorded ??= await recordTold(deps, call, request, 'approval_required');
        const answer = deps.approvals.answerAtOnce?.({ call, request, ...recorded });
        if (answer) return { answer };
        break;
      }
      case 'approved':
        // A client that has just gone would have its call cancelled, and the approval used up for nothing.
        if (request.onApproval === 'wait')
          return signal.aborted ? { answer: tellApproved(request) } : approved(call, request);
        deps.approvals.run();
        until = Math.max(until, resultBy(call));
        break;
      case 'running':
        until = Math.max(until, resultBy(call));
        break;
      case 'void':
        // Whoever did one of these would have it undone by a call that waits.
        if (request.reason === TAKEN_BACK || request.reason === CHANGED)
          return { answer: await endOf(deps, call, request, recorded) };
        request = await requestOf(deps, call);
        continue;
      default:
        return { answer: await endOf(deps, call, request, recorded) };
    }
    const before = request.status;
    request = await waitForChange(deps, request, until, signal);
    if (request.status !== before) continue;
    const answer =
      before === 'pending' ? tellPending(deps, request, recorded?.callId) : tellRunning(request);
    return { answer };
  }
}

const CODES_OF_END: Partial<Record<ApprovalRequest['status'], Code>> = {
  rejected: 'approval_rejected',
  expired: 'approval_expired',
  void: 'approval_expired',
};

async function endOf(
  deps: ApproveDeps,
  call: PricedCallToApprove,
  request: ApprovalRequest,
  recorded: Recorded | undefined,
) {
  const code = CODES_OF_END[request.status];
  // A result has the record of the call that was made.
  const told = recorded ?? (code && (await recordTold(deps, call, request, code)));
  try {
    return await answerOfEnd(deps, call, request, told?.callId);
  } catch (error) {
    if (!isAway(error)) throw error;
    return tellUnreadable(request);
  }
}

/** When a call that is made now has its outcome recorded at the latest, in Unix milliseconds. */
const resultBy = ({ tool }: CallToApprove) => Date.now() + tool.connection.timeoutMs + SETTLE_MS;

/** The request for this very call: the one there is, or a new one. */
async function requestOf(deps: ApproveDeps, call: PricedCallToApprove): Promise<ApprovalRequest> {
  let isNew = false;
  for (let look = 1; look <= LOOKS; look++) {
    const found = await findRequest(deps, call);
    if (found && isFor(found, call)) {
      if (isNew) deps.approvals.read(call, found);
      return isNew ? { ...found, isNew } : found;
    }
    // It may be right, and this call's workspace the one that has changed.
    if (found && (await isStale(deps, call))) throw new StaleDecision(call.caller.workspace);
    if (found) await endRequest(deps, found, CHANGED);
    const made = await createRequest(deps, call);
    if (made === 'too-many') throw tooMany(call);
    if (made === 'stale') throw new StaleDecision(call.caller.workspace);
    isNew = made === 'asked';
  }
  throw new Error('A request for approval could neither be found nor made.');
}

const CHANGED = 'What it was asked for has changed, and the same call was asked for again.';

/** What waits must be for this call as it is now; what came of one that was made is told in any case. */
function isFor(request: ApprovalRequest, call: PricedCallToApprove): boolean {
  if (request.status !== 'pending' && request.status !== 'approved') return true;
  return (
    request.bound === boundOf(call) &&
    coversDemands(request, call.decision.approvals) &&
    coversCost(request, call)
  );
}

/**
 * The call with its approval, and nothing that nobody has approved: its client's `_meta` stays here, and
 * its upstream cannot ask the client anything.
 */
export function approved<Call extends PricedCallToApprove>(
  call: Call,
  { id }: Pick<ApprovalRequest, 'id'>,
): Call & ApprovedCall {
  const { ask: _ask, meta: _meta, ...input } = call.input;
  const { capabilities: _capabilities, ...context } = input.context;
  return { ...call, input: { ...input, context }, approval: { id, bound: boundOf(call) } };
}

function tooMany(call: CallToApprove): Refusal {
  const about = aboutCall(call, call.decision.ruleId);
  const sentence =
    'Too many requests of yours wait for approval. Wait until some are decided, then try again.';
  return new Refusal('rate_limited', sentence, { ...about, retryAfterMs: 60_000 });
}

function asksMidway(call: CallToApprove): Refusal {
  const sentence =
    'Approval required, and this call brings answers that nobody can approve. Make it again without them.';
  return new Refusal('approval_required', sentence, aboutRefused(call, call.decision.ruleId));
}
