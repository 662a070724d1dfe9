import type { ToolLabel } from '@conducktor/contracts';
import type { Logger } from '@conducktor/runtime';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { failureFor } from '../tool-call/answers.js';
import type { CheckedCall, Entry } from '../tool-call/types.js';
import type { Taints } from './taints.js';

export interface TaintDeps {
  taints: Taints;
  logger: Logger;
}

/**
 * The last step before an answer leaves, the first time or again: that this client is given what a tool
 * labelled private or untrusted gives is on disk then, and otherwise the answer is withheld.
 */
export async function handOver(
  deps: TaintDeps,
  call: CheckedCall & { callId: string },
  answer: ToolCallAnswer,
): Promise<ToolCallAnswer> {
  const labels = taintsOf(call.tool);
  if (labels.length === 0) return answer;
  try {
    await deps.taints.note(call.caller, labels);
    return answer;
  } catch (error) {
    deps.logger.error({ err: error, callId: call.callId }, 'What was given could not be noted');
    const sentence = `What ${call.tool.connection.slug} answered is withheld, because it cannot be recorded right now that this client was given it. The call was made.`;
    return failureFor(call.sent.method, 'result_withheld', sentence, call.callId);
  }
}

const NONE: readonly ToolLabel[] = [];
const TAINTING: readonly ToolLabel[] = ['private', 'untrusted'];

/** What a call of it taints with. */
export function taintsOf({ labels }: Pick<Entry, 'labels'>): readonly ToolLabel[] {
  return labels.length === 0 ? NONE : TAINTING.filter((label) => labels.includes(label));
}
