import { hash } from 'node:crypto';
import { encodeRecord, timestamp } from '@conducktor/audit-log';
import { ConducktorError, newId } from '@conducktor/contracts';
import { ASK_WAIT_MS } from '@conducktor/runtime';
import type { Vault } from '@conducktor/vault';
import { answerKeyOf } from '../approvals/binding.js';
import { overBudget } from '../budgets/over-budget.js';
import { canBeAsked } from '../interaction/client-channel.js';
import type { BodyWriter } from '../journal/body-writer.js';
import type { Journal } from '../journal/journal.js';
import { placeOfArguments } from '../journal/kept-arguments.js';
import type { Admission } from '../journal/types.js';
import { auditArguments } from '../redact/audit-arguments.js';
import { aboutCall } from './decide.js';
import { ApprovalGone, Refusal, StaleDecision } from './refusal.js';
import type { AdmittedCall, ClearedCall } from './types.js';

export interface AdmitDeps {
  journal: Journal;
  vault: Vault;
  bodies: BodyWriter;
}

/** A call with the same idempotency key exists: its answer is this call's answer. */
export interface AttachedCall {
  attachedTo: string;
  call: ClearedCall;
  idempotencyHash: string;
}

// The worker gives up at the timeout; after this much more the gateway does.
const DEADLINE_SLACK_MS = 5_000;

/**
 * Makes the call durable before anything is sent: intent, audit intent with the encrypted arguments,
 * reservation of what it costs, idempotency key and the approval that it uses up commit in one transaction.
 */
export async function admit(
  deps: AdmitDeps,
  call: ClearedCall,
): Promise<AdmittedCall | AttachedCall> {
  const { caller, tool } = call;
  const callId = newId('call');
  const tenantId = caller.workspace.tenantId;
  const kept = auditArguments(call);
  const sealed =
    deps.vault.subjectSealer(tenantId, caller.member.id)?.(`call/${callId}`, kept) ??
    (await deps.vault.sealForSubject(tenantId, caller.member.id, `call/${callId}`, kept));
  const { fields, apart } = placeOfArguments(sealed);
  const { approval } = call;
  const key = keyOf(call);
  const now = Date.now();
  const reservation = reservationOf(call, now);
  const admission = await deps.journal.admit({
    tenantId,
    version: caller.workspace.version,
    callId,
    admitted: true,
    ...reservation,
    deadlineMs:
      now +
      tool.connection.timeoutMs +
      DEADLINE_SLACK_MS +
      // Meanwhile the call's own deadline stands still.
      (canBeAsked(call) ? ASK_WAIT_MS : 0),
    record: encodeRecord({
      at: timestamp(now),
      memberId: caller.member.id,
      actor: caller.actor,
      clientId: caller.clientId,
      connection: tool.connection.slug,
      tool: tool.shownName,
      decision: 'allow',
      ...(call.decision.ruleId === undefined ? {} : { rule: call.decision.ruleId }),
      argumentsHash: call.argumentsHash,
      argumentsSize: call.argumentsJson.length,
      ...(kept === call.argumentsJson ? {} : { argumentsRedacted: true as const }),
      ...(approval && { approval: approval.id }),
      ...(call.previewOf && { previewOf: call.previewOf }),
      ...(reservation.reservedMicros > 0 && reservation),
      ...fields,
      sourceIp: caller.context.sourceIp,
    }),
    ...(key?.isNew && {
      idempotency: { hash: key.hash, argumentsHash: sameCallHash(call) },
    }),
    ...(approval && { approval }),
  });
  if (admission.verdict === 'attached')
    return { attachedTo: admission.callId, call, idempotencyHash: key!.hash };
  if (admission.verdict !== 'admitted') throw notAdmitted(call, admission);
  if (apart) deps.bodies.write(tenantId, callId, sealed);
  return { ...call, callId, key: admission.key, idempotencyHash: key?.hash };
}

const NO_BUDGETS: readonly number[] = [];

/** What the call costs at most, and the budget accounts of `now` at which that is reserved. */
function reservationOf({ caller, tool, quote }: ClearedCall, now: number) {
  const { reservedMicros } = quote;
  const { budgets } = caller.workspace;
  if (reservedMicros === 0 || !budgets) return { reservedMicros, budgets: NO_BUDGETS };
  return { reservedMicros, budgets: budgets.accountsOf(caller, tool, now) };
}

/** The key that the call's answer is kept under, if any; a later round has the one that its first round took. */
function keyOf(call: ClearedCall): { hash: string; isNew: boolean } | undefined {
  const taken = call.round?.idempotency?.hash;
  if (taken !== undefined) return { hash: taken, isNew: false };
  if (call.approval) return { hash: answerKeyOf(call.approval.id), isNew: true };
  const { idempotencyKey } = call.input;
  return idempotencyKey
    ? { hash: idempotencyKeyHash(call, idempotencyKey), isNew: true }
    : undefined;
}

/** Why nothing was written. */
function notAdmitted(
  call: ClearedCall,
  admission: Exclude<Admission, { verdict: 'admitted' | 'attached' }>,
): Error {
  switch (admission.verdict) {
    case 'stale':
      return new StaleDecision(call.caller.workspace);
    case 'not-approved':
      return new ApprovalGone();
    case 'over-budget':
      return overBudget(call, admission);
    case 'no-account':
      return new ConducktorError(
        'governance_unavailable',
        'This call was not made, because a budget that it counts against is gone, or the clock of the gateway is wrong. Try again; if it stays so, its operator has to set the clock.',
      );
    case 'conflict':
      return new Refusal(
        'idempotency_conflict',
        'This idempotency key was used with other arguments. Use a new key for a new call.',
        aboutCall(call, undefined),
      );
  }
}

/** What must be equal for a key to mean the same call: the tool and its arguments. */
function sameCallHash(call: ClearedCall): string {
  return hash('sha256', `${call.tool.id} ${call.argumentsHash}`, 'hex');
}

/**
 * Scoped to workspace (the row's own column), person and client. A later round is a call of its own
 * under the same key: the one before has been answered with a question.
 */
function idempotencyKeyHash({ caller, round }: ClearedCall, key: string): string {
  const inRound = round ? [round.number, round.input ?? null] : [];
  return hash(
    'sha256',
    JSON.stringify([caller.member.id, caller.clientId, key, ...inRound]),
    'hex',
  );
}
