/** Whether what the journal said of calls is what the model says, which then has them too. */
import { expect } from 'vitest';
import type { Admission, Intent } from '../types.js';
import type { Ledger } from './money-ledger.js';

/** What one tick says of calls that came together, which it looks at in their order. */
export function expectInOrder(
  ledger: Ledger,
  intents: Intent[],
  said: readonly Admission[],
  from: number,
): void {
  for (let left = intents.map((_, at) => at); left.length > 0;) {
    const again: number[] = [];
    // The first of a key has it for the tick, even if a budget then refuses that one.
    const first = new Map<string, Intent>();
    const refused = new Set<Intent>();
    for (const at of left) {
      const each = intents[at]!;
      const hash = each.idempotency?.hash;
      if (hash && !ledger.keys.has(hash) && !first.has(hash)) first.set(hash, each);
      const holder = hash && (ledger.keys.get(hash) ?? first.get(hash));
      if (holder && holder !== each) {
        if (refused.has(holder)) again.push(at);
        else expect(said[at]).toEqual(attachedTo(holder, each));
        continue;
      }
      const full = ledger.full(each);
      if (full === undefined) {
        expect(said[at]).toMatchObject({ verdict: 'admitted' });
        ledger.reserve({ intent: each, admission: said[at]!, gateway: from });
      } else {
        refused.add(each);
        expect(said[at]).toEqual({
          verdict: 'over-budget',
          account: ledger.accounts[full],
          limitMicros: ledger.caps[full],
          spentMicros: ledger.spent[full],
          heldMicros: ledger.held[full],
        });
      }
    }
    left = again;
  }
}

/** Two ticks at once may be looked at in any order: what each says has to be possible. */
export function expectInAnyOrder(
  ledger: Ledger,
  intents: Intent[],
  said: readonly (Admission | undefined)[],
  from: (at: number) => number,
): void {
  const before = [...ledger.held];
  said.forEach((admission, at) => {
    if (admission?.verdict === 'admitted') {
      const { hash } = intents[at]!.idempotency ?? {};
      expect(hash && ledger.keys.get(hash), 'a key of one call only').toBeFalsy();
      ledger.reserve({ intent: intents[at]!, admission, gateway: from(at) });
    }
  });
  said.forEach((admission, at) => {
    const each = intents[at]!;
    if (admission?.verdict === 'over-budget') {
      const place = ledger.accounts.indexOf(admission.account);
      expect(each.budgets).toContain(admission.account);
      expect(admission).toMatchObject({
        limitMicros: ledger.caps[place],
        spentMicros: ledger.spent[place],
      });
      expect(admission.heldMicros).toBeGreaterThanOrEqual(before[place]!);
      const { limitMicros, spentMicros, heldMicros } = admission;
      expect(spentMicros + heldMicros + each.reservedMicros).toBeGreaterThan(limitMicros);
    } else if (admission && admission.verdict !== 'admitted') {
      const holder = ledger.keys.get(each.idempotency!.hash);
      expect(admission).toEqual(attachedTo(holder!, each));
    }
  });
}

function attachedTo(holder: Intent, each: Intent): Admission {
  return holder.idempotency!.argumentsHash === each.idempotency!.argumentsHash
    ? { verdict: 'attached', callId: holder.callId }
    : { verdict: 'conflict' };
}
