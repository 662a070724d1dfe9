import type { Account, Evidence, Intent } from './evidence.ts';
import { PRICES } from './prices.ts';

/** Of these nothing is charged; what is not known is charged when it is. */
const FREE: ReadonlySet<string> = new Set(['not_sent', 'unavailable', 'unknown']);

type MustBeNone = <Item>(check: string, items: readonly Item[]) => void;

/**
 * Compares what calls reserved and were charged, by the journal, with what their accounts hold and what the
 * ledger says of those: Σ(held + spent) of each account is what its calls hold and were charged.
 */
export function judgeMoney(
  { intents, accounts, capRefusals, overshoots }: Evidence,
  mustBeNone: MustBeNone,
): void {
  mustBeNone('an unbalanced reservation', intents.filter(isUnbalanced));
  mustBeNone(
    'a call that did not reserve at every level',
    intents.filter(({ tool, accounts: at }) => at.length !== (isCapped(tool) ? 3 : 2)),
  );
  mustBeNone(
    'unknown, and its price is neither held nor reconciled, or both',
    intents.filter(
      ({ outcome, unsure, reconciled }) =>
        (outcome === 'unknown') !== (unsure !== null) &&
        (outcome === 'unknown') !== (reconciled !== null),
    ),
  );
  mustBeNone('an account that took more than its cap had room for', overshoots);

  const held = new Map<number, number>();
  const spent = new Map<number, number>();
  const add = (to: Map<number, number>, id: number, micros: number) =>
    to.set(id, (to.get(id) ?? 0) + micros);
  for (const intent of intents)
    for (const id of intent.accounts) {
      add(held, id, heldBy(intent));
      add(spent, id, (intent.cost ?? 0) + (intent.reconciled ?? 0));
    }
  const known = new Set(accounts.map(({ id }) => id));
  mustBeNone(
    'an account that is missing',
    [...held.keys()].filter((id) => !known.has(id)),
  );
  mustBeNone(
    'an account that holds something else than its calls do',
    accounts.filter(
      ({ id, opening, ...account }: Account) =>
        account.held !== (held.get(id) ?? 0) || account.spent !== opening + (spent.get(id) ?? 0),
    ),
  );
  mustBeNone(
    'an account of which the ledger says something else',
    accounts.filter(
      ({ opening, ...account }: Account) =>
        account.held !== account.ledgerHeld || account.spent !== opening + account.ledgerSpent,
    ),
  );
  mustBeNone(
    'refused by a cap that had room for it',
    capRefusals.filter(
      ({ tool, limitMicros, spentMicros, heldMicros, neededMicros }) =>
        neededMicros !== PRICES[tool] || spentMicros + heldMicros + neededMicros <= limitMicros,
    ),
  );
}

const isCapped = (tool: string) => tool !== 'up_write_note';

/** Reserved is the price; held is what was reserved; charged is all of it, or nothing. */
function isUnbalanced({
  tool,
  reserved,
  outcome,
  cost,
  held,
  unsure,
  reconciled,
}: Intent): boolean {
  if (reserved !== PRICES[tool]) return true;
  if (held !== null && held !== reserved) return true;
  if (unsure !== null && unsure !== reserved) return true;
  if (reconciled !== null && (reconciled < 0 || reconciled > reserved)) return true;
  return outcome !== null && cost !== (FREE.has(outcome) ? 0 : reserved);
}

function heldBy({ outcome, reserved, unsure }: Intent): number {
  return outcome === null ? reserved : (unsure ?? 0);
}
