import { encodeRecord } from '@conducktor/audit-log';
import type { CallResult } from '@conducktor/contracts';
import type { Vault } from '@conducktor/vault';
import type { CallMetrics } from '@conducktor/runtime';
import type { Journal } from '../journal/journal.js';
import type { ToolCallAnswer } from '../mcp/ports.js';
import type { AdmittedCall } from './types.js';

/**
 * Records the outcome. The answer may leave when the outcome exists in two processes, here and in the
 * worker, which keeps it until told of the commit; a destructive call waits for the commit itself.
 */
export async function settle(
  deps: { journal: Journal; vault: Vault; metrics: CallMetrics },
  call: AdmittedCall,
  result: CallResult,
  answer: ToolCallAnswer,
): Promise<void> {
  const { caller, tool } = call;
  const tenantId = caller.workspace.tenantId;
  deps.metrics.ended(result.outcome, result.durationMs);
  const committed = deps.journal.settle({
    key: call.key,
    tenantId,
    callId: call.callId,
    costMicros: 0,
    record: encodeRecord({
      at: new Date().toISOString(),
      connection: tool.connection.slug,
      tool: tool.shownName,
      outcome: result.outcome,
      durationMs: Math.round(result.durationMs * 100) / 100,
      resultSize: result.resultJson?.length ?? 0,
    }),
    ...(call.idempotencyHash === undefined
      ? {}
      : {
          answer: {
            hash: call.idempotencyHash,
            sealed: await sealAnswer(deps.vault, call, answer),
          },
        }),
  });
  // Without a worker that keeps it, or where the effect cannot be undone, the commit is waited for.
  if (
    tool.class === 'destructive' ||
    call.idempotencyHash !== undefined ||
    result.outcome === 'unknown'
  ) {
    await committed;
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
