import type { BoundCall } from '@conducktor/db';
import type { Batch } from './batch.js';
import type { BudgetChanges } from './budget-changes.js';
import { PARAMETERS as PLAIN_PARAMETERS, writeBatch } from './plain-tick.js';

const PARAMETERS = PLAIN_PARAMETERS + 7;
const placeholders = Array.from({ length: PARAMETERS }, (_, i) => `$${i + 1}`).join(', ');

/** A tick of many, as `PLAIN`, of which some have budgets. */
export const SPEND = { name: 'spend_tick', sql: `select tick_spend(${placeholders})` };

/** The execution of `tick_spend` with a batch and what it does to budgets. */
export function spendTick(
  call: BoundCall,
  epoch: number,
  tick: number,
  batch: Batch,
  { accounts, reservations }: BudgetChanges,
): Buffer {
  writeBatch(call.begin(SPEND.name, PARAMETERS), epoch, tick, batch);
  call.array('text', accounts, (a) => call.text(a.tenantId));
  call.array('int8', accounts, (a) => call.int8(a.account));
  call.array('int8', accounts, (a) => call.int8(a.reserve));
  call.array('int8', accounts, (a) => call.int8(a.release));
  call.array('int8', accounts, (a) => call.int8(a.spend));
  call.array('int4', reservations, (r) => call.int4(r.position));
  call.array('int4', reservations, (r) => call.int4(r.place));
  return call.end();
}
