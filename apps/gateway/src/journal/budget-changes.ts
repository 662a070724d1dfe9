import type { Batch } from './batch.js';

/** What a batch changes at one account. */
interface AccountChange {
  tenantId: string;
  account: number;
  reserve: number;
  release: number;
  spend: number;
}

/** What a batch does to budgets, as the tick takes it. */
export interface BudgetChanges {
  /** Each account once, in the order in which every tick holds them: tenant as bytes, then account. */
  accounts: readonly AccountChange[];
  /** Intent by intent: its position in the batch, from 1, and the places of its accounts in `accounts`, from 1. */
  reservations: readonly { position: number; place: number }[];
  /** Outcomes that are unknown, by position among those of this epoch: what they reserved stays held. */
  held: readonly { position: number; reservedMicros: number; accounts: readonly number[] }[];
}

export const NO_CHANGES: BudgetChanges = { accounts: [], reservations: [], held: [] };

/** Sums up what the intents of a batch would reserve, and what its outcomes release and spend. */
export function budgetChangesOf({ intents, settlements }: Batch): BudgetChanges {
  const byAccount = new Map<number, AccountChange>();
  const changeAt = (tenantId: string, account: number): AccountChange => {
    let change = byAccount.get(account);
    if (!change) {
      change = { tenantId, account, reserve: 0, release: 0, spend: 0 };
      byAccount.set(account, change);
    }
    return change;
  };
  const reserving: { position: number; account: number }[] = [];
  intents.forEach(({ intent }, index) => {
    for (const account of intent.budgets ?? []) {
      changeAt(intent.tenantId, account).reserve += intent.reservedMicros;
      reserving.push({ position: index + 1, account });
    }
  });
  const held: { position: number; reservedMicros: number; accounts: readonly number[] }[] = [];
  let position = 0;
  for (const { settlement, late } of settlements) {
    if (late) continue;
    position++;
    const { tenantId, reservation, isUnknown } = settlement;
    if (!reservation) continue;
    const { micros, accounts } = reservation;
    if (isUnknown) {
      held.push({ position, reservedMicros: micros, accounts });
      continue;
    }
    for (const account of accounts) {
      const change = changeAt(tenantId, account);
      change.release += micros;
      change.spend += chargedMicros(settlement.costMicros, micros);
    }
  }
  if (byAccount.size === 0) return held.length === 0 ? NO_CHANGES : { ...NO_CHANGES, held };
  const accounts = [...byAccount.values()].sort(
    (a, b) =>
      (a.tenantId < b.tenantId ? -1 : a.tenantId > b.tenantId ? 1 : 0) || a.account - b.account,
  );
  const places = new Map(accounts.map(({ account }, index) => [account, index + 1]));
  const reservations = reserving.map((one) => ({
    position: one.position,
    place: places.get(one.account)!,
  }));
  return { accounts, reservations, held };
}

/** What a call is charged that reserved so much: never more. */
export function chargedMicros(cost: number | 'reserved', reservedMicros: number): number {
  return cost === 'reserved' ? reservedMicros : Math.min(cost, reservedMicros);
}
