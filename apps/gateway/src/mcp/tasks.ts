/**
 * The tasks extension (SEP-2663), for calls that wait for approval: whoever declares it on a call may be
 * answered by a task, and asks after that by its id. There is no list of tasks, and no task asks anything.
 */
import { TASKS_EXTENSION } from '../sessions/capability-bits.js';
import { invalidParams, turnedAway, type RpcRequest } from './call.js';
import { CAPABILITY_MISSING, errorText, isObject, resultText } from './json-rpc.js';
import type { GovernedMcp, McpRequestContext, TaskMethod } from './ports.js';
import type { RpcReply } from './reply.js';
import { modernResult, modernToolResult } from './result-shape.js';

const METHODS: ReadonlySet<string> = new Set<TaskMethod>([
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
]);

export function isTaskMethod(method: string): method is TaskMethod {
  return METHODS.has(method);
}

export async function requestTask(
  mcp: Pick<GovernedMcp, 'task'>,
  context: McpRequestContext,
  { id, method, params }: RpcRequest & { method: TaskMethod },
  signal: AbortSignal,
): Promise<RpcReply> {
  if (!declaresTasks(context)) return tasksNotDeclared(id);
  const taskId = params?.['taskId'];
  if (typeof taskId !== 'string' || taskId === '')
    return invalidParams(id, 'params.taskId must be the id of a task.');
  if (method === 'tasks/update' && !isObject(params?.['inputResponses']))
    return invalidParams(id, 'params.inputResponses must be an object.');
  const answer = await mcp.task({ context, method, taskId, signal });
  if (answer.kind !== 'result') return turnedAway(id, answer, 'modern');
  const result = modernResult(shapedTask(answer.result));
  return { status: 200, text: resultText(id, JSON.stringify(result)) };
}

/** A task as 2026-07-28 has it: the result in it is that of a tool call. */
export function shapedTask(task: Record<string, unknown>): Record<string, unknown> {
  const { result } = task;
  return isObject(result) ? { ...task, result: modernToolResult(result) } : task;
}

export function declaresTasks({ capabilities }: McpRequestContext): boolean {
  return capabilities?.extensions?.[TASKS_EXTENSION] !== undefined;
}

/** To whoever wants something of a task and has not said that it knows what tasks are. */
export function tasksNotDeclared(id: RpcRequest['id']): RpcReply {
  return { status: 400, text: errorText(id, NOT_DECLARED) };
}

const NOT_DECLARED = {
  code: CAPABILITY_MISSING,
  message: 'This request must declare the tasks extension.',
  data: { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } },
};
