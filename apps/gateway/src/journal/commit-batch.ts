import type { EpochSession } from '@conducktor/db';
import type { Batch, PendingIntent, PendingSettlement, Verdicts } from './batch.js';
import type { BudgetChanges } from './budget-changes.js';
import { PLAIN, plainTick, SINGLE, singleTick } from './plain-tick.js';
import { SPEND, spendTick } from './spend-tick.js';
import { TICK_QUERY, tickParameters } from './whole-tick.js';

/** What the session of an epoch has to prepare. */
export const TICK_STATEMENTS = Object.fromEntries(
  [SINGLE, PLAIN, SPEND].map(({ name, sql }) => [name, sql]),
);

/** Writes a batch in one transaction, by the cheapest function that can; rejects when it did not commit. */
export async function commitBatch(
  session: EpochSession,
  tick: number,
  batch: Batch,
  budgets: BudgetChanges,
): Promise<Verdicts> {
  const { intents, settlements } = batch;
  const { epoch } = session;
  if (
    budgets.held.length > 0 ||
    !intents.every(isPlainIntent) ||
    !settlements.every(isPlainSettlement)
  ) {
    const values = tickParameters(epoch, tick, batch, budgets);
    const rows = await session.run('tick', TICK_QUERY, values);
    return rows[0] as unknown as Verdicts;
  }
  if (budgets.accounts.length > 0) {
    const verdicts = await session.execute((call) => spendTick(call, epoch, tick, batch, budgets));
    return verdicts === null ? { verdict: null } : (JSON.parse(verdicts) as Verdicts);
  }
  if (intents.length <= 1 && settlements.length <= 1) {
    const verdict = await session.execute((call) =>
      singleTick(call, epoch, tick, intents[0]?.intent, settlements[0]?.settlement),
    );
    return { verdict: [Number(verdict)] };
  }
  const verdicts = await session.execute((call) => plainTick(call, epoch, tick, batch));
  // An array as text: {0,1,0}.
  return { verdict: verdicts === null ? null : verdicts.slice(1, -1).split(',').map(Number) };
}

const isPlainIntent = ({ intent }: PendingIntent) =>
  intent.idempotency === undefined && intent.approval === undefined;
const isPlainSettlement = ({ settlement, late }: PendingSettlement) =>
  !late && settlement.answer === undefined && settlement.endsApproval === undefined;
