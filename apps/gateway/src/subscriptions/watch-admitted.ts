import type { CallResult, WatchAnswer } from '@conducktor/contracts';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { answerOf } from '../tool-call/answers.js';
import { settle, type SettleDeps } from '../tool-call/settle.js';
import type { AdmittedCall } from '../tool-call/types.js';

/** The end of a subscription's story, as `converse` is of a call's: the watch, and what came of it. */
export async function watchAdmitted(
  deps: SettleDeps,
  admitted: AdmittedCall,
  open: () => Promise<WatchAnswer>,
): Promise<ToolCallAnswer> {
  const startedAt = performance.now();
  const outcome = outcomeOf(await open(), performance.now() - startedAt);
  return settle(deps, admitted, outcome, answerOf(admitted, outcome));
}

function outcomeOf(answer: WatchAnswer, durationMs: number): CallResult {
  if (answer.ok) return { outcome: 'ok', resultJson: '{}', durationMs };
  return answer.error
    ? { outcome: 'error', error: answer.error, durationMs }
    : { outcome: 'unavailable', message: answer.message, durationMs };
}
