/** What may happen to the accounts of budgets, drawn at random. */
import fc from 'fast-check';

export interface Wanted {
  micros: number;
  /** Which of the budgets it names, as bits. */
  budgets: number;
  /** Some share an idempotency key. */
  key: number | undefined;
}
export type Command =
  | { do: 'admit'; gateway: number; calls: Wanted[] }
  /** Over both gateways at once. */
  | { do: 'race'; calls: Wanted[] }
  | { do: 'settle'; which: number; cost: number | 'reserved'; again: boolean }
  | { do: 'lose sight'; which: number }
  /** The outcome of a call that had ended as unknown. */
  | { do: 'hear'; which: number; cost: number | 'reserved' }
  | { do: 'reconcile'; which: number; cost: number | null }
  | { do: 'change cap'; budget: number; micros: number }
  | { do: 'outdated'; call: Wanted }
  /** The session goes, after or while calls come. */
  | { do: 'kill'; gateway: number; meanwhile: Wanted[] }
  /** Everything charged so far leaves the window of the rolling budget. */
  | { do: 'age' };

const micros = fc.integer({ min: 1, max: 40 });
const cost = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant('reserved' as const));
const which = fc.nat(50);
const gateway = fc.nat(1);
const wanted: fc.Arbitrary<Wanted> = fc.record({
  micros,
  budgets: fc.nat(7),
  key: fc.option(fc.nat(3), { nil: undefined, freq: 3 }),
});
const calls = fc.array(wanted, { minLength: 1, maxLength: 8 });
export const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('admit' as const), gateway, calls }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('race' as const), calls }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('settle' as const), which, cost, again: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose sight' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hear' as const), which, cost }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reconcile' as const),
      which,
      cost: fc.option(fc.nat(60)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('change cap' as const),
      budget: fc.nat(2),
      micros: fc.integer({ min: 0, max: 300 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('outdated' as const), call: wanted }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('kill' as const),
      gateway,
      meanwhile: fc.array(wanted, { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('age' as const) }) },
);
