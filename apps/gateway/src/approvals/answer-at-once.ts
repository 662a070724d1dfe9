import type { ToolCallAnswer } from '../mcp/ports.js';
import type { RequestStates } from '../interaction/request-state.js';
import { TASKS_EXTENSION } from '../sessions/capability-bits.js';
import { CALL_ID, CODE, rpcError } from '../tool-call/rpc-errors.js';
import { taskOf } from './task.js';
import { APPROVAL_ID, linkOf, pendingSentence, tellPending } from './tell.js';
import type { PendingCall } from './types.js';

export interface AnswerDeps {
  publicUrl: string;
  states: RequestStates;
}

/** Of 2025-11-25: the person is to visit an address before the call is made again. */
const URL_ELICITATION = -32_042;

/**
 * What a client is given that declares on its request that it can have more than a held call: a task, which
 * it asks for the result; or the page where the approval stands, to be shown to its person once. It never
 * goes by a client's name. `undefined`: it is held, and then told.
 */
export function answerAtOnce(deps: AnswerDeps, pending: PendingCall): ToolCallAnswer | undefined {
  const { era, capabilities, resourcePath } = pending.call.input.context;
  const isHere = resourcePath === pending.request.resourcePath;
  if (era === 'modern' && isHere && capabilities?.extensions?.[TASKS_EXTENSION])
    return asTask(deps, pending);
  if (pending.call.approvalShown === 'left')
    return tellPending(deps, pending.request, pending.callId);
  if (pending.call.approvalShown || !capabilities?.elicitation?.url) return undefined;
  if (era === 'modern') return asRound(deps, pending);
  return pending.request.isNew ? asError(deps, pending) : undefined;
}

function asTask(deps: AnswerDeps, pending: PendingCall): ToolCallAnswer {
  const { request } = pending;
  return {
    kind: 'result',
    result: { resultType: 'task', ...taskOf(deps, request, 'working'), _meta: metaOf(pending) },
  };
}

/** `input_required`: the client shows the page, and makes the call again with this state (2026-07-28). */
function asRound(deps: AnswerDeps, pending: PendingCall): ToolCallAnswer {
  const { call, request } = pending;
  const params = { mode: 'url', ...shown(deps, pending) };
  return {
    kind: 'result',
    result: {
      resultType: 'input_required',
      inputRequests: { approval: { method: 'elicitation/create', params } },
      requestState: deps.states.seal(call, { kind: 'approval', id: request.id }),
      _meta: metaOf(pending),
    },
  };
}

/** Once for each request: the call that follows is held like any other. */
function asError(deps: AnswerDeps, pending: PendingCall): ToolCallAnswer {
  const { request, callId } = pending;
  const elicitation = { mode: 'url', elicitationId: request.id, ...shown(deps, pending) };
  const { message } = elicitation;
  const error = rpcError('approval_required', message, callId, {
    rpcCode: URL_ELICITATION,
    data: { elicitations: [elicitation] },
  });
  return { kind: 'error', error };
}

const shown = (deps: AnswerDeps, { request }: PendingCall) => ({
  message: pendingSentence(deps, request),
  url: linkOf(deps, request),
});

const metaOf = ({ request, callId }: PendingCall) => ({
  [CODE]: 'approval_required',
  ...(callId === undefined ? {} : { [CALL_ID]: callId }),
  [APPROVAL_ID]: request.id,
});
