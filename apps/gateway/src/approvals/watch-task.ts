import type { GovernedDeps } from '../governed.js';
import type { Challenge, Failure, Subscription, WatchTaskInput } from '../mcp/ports.js';
import { refuse } from '../tool-call/refuse.js';
import { findTask, requestTask } from './request-task.js';
import type { StoredCall } from './requests.js';
import { isOver, type Task } from './task.js';

const METHOD = 'subscriptions/listen';
// Every change is told by the database; this finds what was missed while the connection to it was away.
const LOOK_AGAIN_MS = 15_000;

/**
 * Tells a task as it is, and again whenever that has changed, each time as `tasks/get` would answer at that
 * moment: to who may have it then. It ends with the task.
 */
export async function watchTask(
  deps: GovernedDeps,
  input: WatchTaskInput,
): Promise<{ kind: 'watching'; subscription: Subscription } | Failure | Challenge> {
  try {
    const found = await findTask(deps, { ...input, method: 'tasks/get' });
    if (found.kind !== 'task') return found;
    const ending = new AbortController();
    void follow(deps, input, found.request, ending.signal).catch((error: unknown) =>
      deps.logger.warn({ err: error, taskId: input.taskId }, 'A task is not watched any more'),
    );
    return { kind: 'watching', subscription: { close: () => ending.abort() } };
  } catch (error) {
    const answer = await refuse(deps, error, input.context, METHOD);
    // Of anything but a tool call, a refusal is an error.
    if (answer.kind !== 'result') return answer;
    throw error;
  }
}

async function follow(
  deps: GovernedDeps,
  { context, taskId, onTask }: WatchTaskInput,
  request: StoredCall,
  signal: AbortSignal,
): Promise<void> {
  let told: Task | undefined;
  while (!signal.aborted) {
    const next = deps.approvals.changes.next(request, Infinity, signal, LOOK_AGAIN_MS);
    try {
      const answer = await requestTask(deps, { context, method: 'tasks/get', taskId, signal });
      if (signal.aborted || answer.kind === 'challenge') return;
      // What cannot be read just now can be in a while; its stream ends when its right to it does.
      if (answer.kind === 'result') {
        const task = answer.result as unknown as Task;
        if (!told || differs(task, told)) onTask(answer.result, isOver(task));
        if (isOver(task)) return;
        told = task;
      }
      await next.changed;
    } finally {
      next.forget();
    }
  }
}

const differs = (one: Task, other: Task) =>
  one.status !== other.status || one.statusMessage !== other.statusMessage;
