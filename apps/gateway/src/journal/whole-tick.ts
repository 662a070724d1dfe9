import type { Batch } from './batch.js';
import type { BudgetChanges } from './budget-changes.js';

// Array literals are written by hand: pg escapes every element on its own, which costs more than the
// query. Ids and hashes hold no character that an array literal treats specially.
const plain = (items: readonly (string | number | boolean)[]) => `{${items.join(',')}}`;
const quoted = (items: readonly string[]) =>
  `{${items.map((item) => `"${item.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`;

/** The parameters of SQL function `tick`, in its order: for batches that hold anything at all. */
export function tickParameters(
  epoch: number,
  tick: number,
  batch: Batch,
  budgets: BudgetChanges,
): unknown[] {
  const intents = batch.intents.map((pending) => pending.intent);
  const running = batch.settlements.filter((pending) => !pending.late).map((p) => p.settlement);
  const late = batch.settlements.filter((pending) => pending.late).map((p) => p.settlement);
  const keyed = intents.flatMap((intent, index) =>
    intent.idempotency ? [{ position: index + 1, ...intent.idempotency }] : [],
  );
  const approved = intents.flatMap((intent, index) =>
    intent.approval ? [{ position: index + 1, ...intent.approval }] : [],
  );
  const ending = running.flatMap((s, index) => (s.endsApproval ? [index + 1] : []));
  const answered = batch.settlements.flatMap(({ settlement }) =>
    settlement.answer ? [{ tenantId: settlement.tenantId, ...settlement.answer }] : [],
  );
  return [
    epoch,
    tick,
    plain(intents.map((intent) => intent.tenantId)),
    plain(intents.map((intent) => intent.version)),
    plain(intents.map((intent) => intent.callId)),
    plain(intents.map((intent) => intent.admitted)),
    plain(intents.map((intent) => intent.reservedMicros)),
    plain(intents.map((intent) => intent.deadlineMs ?? 'NULL')),
    quoted(intents.map((intent) => intent.record)),
    plain(running.map((s) => s.key.tick)),
    plain(running.map((s) => s.key.ordinal)),
    plain(running.map((s) => s.tenantId)),
    plain(running.map((s) => s.callId)),
    // `settle` has put in what its own running calls reserved.
    plain(running.map((s) => (s.costMicros === 'reserved' ? 0 : s.costMicros))),
    quoted(running.map((s) => s.record)),
    plain(late.map((s) => s.key.epoch)),
    plain(late.map((s) => s.key.tick)),
    plain(late.map((s) => s.key.ordinal)),
    plain(late.map((s) => (s.costMicros === 'reserved' ? 'NULL' : s.costMicros))),
    quoted(late.map((s) => s.record)),
    plain(keyed.map((k) => k.position)),
    plain(keyed.map((k) => k.hash)),
    plain(keyed.map((k) => k.argumentsHash)),
    plain(answered.map((a) => a.tenantId)),
    plain(answered.map((a) => a.hash)),
    quoted(answered.map((a) => a.sealed)),
    plain(approved.map((a) => a.position)),
    plain(approved.map((a) => a.id)),
    quoted(approved.map((a) => a.bound)),
    plain(ending),
    quoted(late.map((s) => s.tenantId)),
    quoted(late.map((s) => s.callId)),
    plain(budgets.held.map((h) => h.position)),
    plain(budgets.held.map((h) => h.reservedMicros)),
    quoted(budgets.held.map((h) => plain(h.accounts))),
    plain(budgets.accounts.map((a) => a.tenantId)),
    plain(budgets.accounts.map((a) => a.account)),
    plain(budgets.accounts.map((a) => a.reserve)),
    plain(budgets.accounts.map((a) => a.release)),
    plain(budgets.accounts.map((a) => a.spend)),
    plain(budgets.reservations.map((r) => r.position)),
    plain(budgets.reservations.map((r) => r.place)),
  ];
}

const PARAMETERS = 42;

export const TICK_QUERY = `select verdict, attached, refused from tick(${Array.from({ length: PARAMETERS }, (_, i) => `$${i + 1}`).join(', ')})`;
