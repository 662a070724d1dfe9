import { encodeRecord, timestamp } from '@conducktor/audit-log';
import { charge } from '@conducktor/budget';
import type { CallResult } from '@conducktor/contracts';
import type { Vault } from '@conducktor/vault';
import type { CallMetrics } from '@conducktor/runtime';
import type { Journal } from '../journal/journal.js';
import { isManagement } from '../management/connection.js';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { ownQuestions } from '../interaction/questions.js';
import { failureFor } from './answers.js';
import type { AdmittedCall, RecordedCall } from './types.js';

export interface SettleDeps {
  journal: Journal;
  vault: Vault;
  metrics: CallMetrics;
  commitWaitMs?: number;
}

// Longer than a tick may take. A client is not held for as long as the database is away.
const COMMIT_WAIT_MS = 15_000;

/**
 * Records the outcome and returns the answer that may leave. It may leave when the outcome exists in
 * two processes, here and in the worker, which keeps it until told of the commit; a destructive call
 * waits for the commit itself, and is answered as unknown when that does not come in time.
 */
export async function settle(
  deps: SettleDeps,
  call: AdmittedCall,
  result: CallResult,
  answer: ToolCallAnswer,
): Promise<ToolCallAnswer> {
  const { caller, tool } = call;
  const tenantId = caller.workspace.tenantId;
  deps.metrics.ended(result.outcome, result.durationMs);
  noteEnd(call, result);
  // Without a stored answer a second call with the same key is answered as unknown. The outcome is
  // recorded all the same: this call has been made. A question that the gateway answers itself is no
  // answer to keep; the round that follows keeps its own under the same key.
  const sealed =
    call.idempotencyHash === undefined || ownQuestions(call, answer)
      ? undefined
      : await sealAnswer(deps.vault, call, answer).catch(() => undefined);
  const { costMicros, ...charged } = charge(call.quote, result);
  const committed = deps.journal.settle({
    key: call.key,
    tenantId,
    callId: call.callId,
    costMicros,
    isUnknown: result.outcome === 'unknown' ? true : undefined,
    record: encodeRecord({
      at: timestamp(),
      connection: tool.connection.slug,
      tool: tool.shownName,
      outcome: result.outcome,
      durationMs: Math.round(result.durationMs * 100) / 100,
      resultSize: result.resultJson === undefined ? 0 : Buffer.byteLength(result.resultJson),
      ...charged,
    }),
    ...(call.idempotencyHash === undefined || sealed === undefined
      ? {}
      : { answer: { hash: call.idempotencyHash, sealed } }),
  });
  // Without a worker that keeps it, or where the effect cannot be undone, the commit is waited for.
  if (
    tool.class === 'destructive' ||
    (tool.class === 'write' && isManagement(tool.connection)) ||
    call.idempotencyHash !== undefined ||
    MADE_HERE.has(result.outcome)
  ) {
    const recorded = await within(committed, deps.commitWaitMs ?? COMMIT_WAIT_MS);
    if (!recorded)
      return failureFor(
        call.sent.method,
        'outcome_unknown',
        `The outcome of this call cannot be recorded right now. Ask about call ${call.callId} before you try again.`,
        call.callId,
      );
  }
  return answer;
}

/** For whoever looks at the request when it has ended. */
export function noteEnd(
  { caller, callId, tool, input }: RecordedCall,
  { outcome }: Pick<CallResult, 'outcome'>,
): void {
  input.context.timeline.facts = {
    end: outcome,
    tenantId: caller.workspace.tenantId,
    callId,
    connectionId: tool.connection.id,
    tool: tool.shownName,
  };
}

/** Outcomes that the gateway may have found by itself: then no worker keeps them. */
const MADE_HERE: ReadonlySet<CallResult['outcome']> = new Set([
  'unknown',
  'unavailable',
  'not_sent',
]);

async function within(done: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function sealAnswer(
  vault: Vault,
  call: AdmittedCall,
  answer: ToolCallAnswer,
): Promise<string> {
  const box = await vault.sealForSubject(
    call.caller.workspace.tenantId,
    call.caller.member.id,
    `answer/${call.idempotencyHash}`,
    JSON.stringify(answer),
  );
  return box.toString('base64');
}
