import { TAKEN_BACK } from '@conducktor/contracts';
import type { GovernedDeps } from '../governed.js';
import { inRounds } from '../interaction/in-rounds.js';
import type { Failure, TaskInput, ToolCallAnswer } from '../mcp/ports.js';
import { authenticate } from '../tool-call/authenticate.js';
import { TOOL_CALL } from '../tool-call/answers.js';
import { Refusal } from '../tool-call/refusal.js';
import { refuse } from '../tool-call/refuse.js';
import { rpcError } from '../tool-call/rpc-errors.js';
import type { Caller } from '../tool-call/types.js';
import { endRequest, readRequest, type StoredCall } from './requests.js';
import { answerOfEnd } from './result.js';
import { callOf } from './stored-call.js';
import { taskOf } from './task.js';
import { tellApproved } from './tell.js';

const ACKNOWLEDGED: ToolCallAnswer = { kind: 'result', result: {} };

/**
 * `tasks/get`, `tasks/update` and `tasks/cancel` (SEP-2663) for the request for approval that a call was
 * answered with. Nobody but the client that asked, for the person that it asked for, at the path where it
 * did, learns that there is one. What is already being made is not stopped.
 */
export function requestTask(deps: GovernedDeps, input: TaskInput): Promise<ToolCallAnswer> {
  return inRounds(deps, input, async () => {
    const found = await findTask(deps, input);
    if (found.kind !== 'task') return found;
    const { caller, request } = found;
    switch (input.method) {
      case 'tasks/get':
        return read(deps, caller, request, input);
      case 'tasks/cancel':
        await endRequest(deps, request, TAKEN_BACK);
        return ACKNOWLEDGED;
      // A task of ours asks for nothing, so there is nothing that could be brought.
      case 'tasks/update':
        return ACKNOWLEDGED;
    }
  });
}

/** The task as its own client finds it. Throws the refusal that a caller gets who may not come in. */
export async function findTask(
  deps: GovernedDeps,
  { context, method, taskId }: Omit<TaskInput, 'signal'>,
): Promise<{ kind: 'task'; caller: Caller; request: StoredCall } | Failure> {
  const caller = await authenticate(deps, context, method);
  const { tenantId } = caller.workspace;
  const request = await readRequest(deps, { tenantId, id: taskId });
  return request && isOf(request, caller)
    ? { kind: 'task', caller, request }
    : {
        kind: 'error',
        error: rpcError('not_found', `Unknown task: ${taskId.slice(0, 100)}`, undefined),
      };
}

function isOf(request: StoredCall, caller: Caller): boolean {
  return (
    request.memberId === caller.member.id &&
    request.clientId === caller.clientId &&
    request.resourcePath === caller.context.resourcePath &&
    // Erased after the time that arguments are kept: what its call would be answered cannot be said any more.
    request.argumentsSealed.length > 0
  );
}

async function read(
  deps: GovernedDeps,
  caller: Caller,
  request: StoredCall,
  input: TaskInput,
): Promise<ToolCallAnswer> {
  switch (request.status) {
    case 'pending':
    case 'running':
      return { kind: 'result', result: { ...taskOf(deps, request, 'working') } };
    case 'approved':
      if (request.onApproval === 'run')
        return { kind: 'result', result: { ...taskOf(deps, request, 'working') } };
      return ended(deps, request, tellApproved(request));
    case 'void':
      if (request.reason === TAKEN_BACK)
        return { kind: 'result', result: { ...taskOf(deps, request, 'cancelled') } };
  }
  return ended(deps, request, await resultFor(deps, caller, request, input));
}

/** As the same call would be answered, made now: nobody is given what they may not have any more. */
async function resultFor(
  deps: GovernedDeps,
  caller: Caller,
  request: StoredCall,
  input: TaskInput,
): Promise<ToolCallAnswer> {
  try {
    return await answerOfEnd(deps, await callOf(deps, caller, request, input.signal), request);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refuse(deps, error, caller.context, TOOL_CALL);
  }
}

/** A tool's error is a result; only an error of JSON-RPC is a task that failed. */
function ended(deps: GovernedDeps, request: StoredCall, answer: ToolCallAnswer): ToolCallAnswer {
  switch (answer.kind) {
    case 'result': {
      const task = taskOf(deps, request, 'completed');
      return { kind: 'result', result: { ...task, result: answer.result } };
    }
    case 'error':
      return {
        kind: 'result',
        result: { ...taskOf(deps, request, 'failed'), error: answer.error },
      };
    case 'challenge':
      return answer;
  }
}
