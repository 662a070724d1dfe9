import type { PriceQuote, ToolCost } from '@conducktor/contracts';

/** The most that a call may cost: a million of the currency's major unit. */
export const MAX_MICROS = 1_000_000_000_000;
/** Where a service reports what a call costs, unless its tool's price says otherwise: a key of `_meta`. */
export const REPORTED_KEY = 'conducktor/costMicros';

/** What an expression gives for a call; a sentence when that cannot be known. */
export type AmountOf<Call> = (call: Call) => number | { readonly error: string };

/** Prepares an expression; `error` says in one sentence what is wrong with it. */
export type CompileAmount<Call> = (
  source: string,
) => { amount: AmountOf<Call> } | { error: string };

/** A cost model, ready to price calls. */
export type Price<Call> =
  | { readonly quote: PriceQuote; readonly amount?: undefined }
  | {
      readonly quote?: undefined;
      readonly amount: AmountOf<Call>;
      readonly maxMicros: number | undefined;
      readonly onSuccess: true | undefined;
    };

/** Of what costs nothing. */
export const FREE: PriceQuote = Object.freeze({ reservedMicros: 0 });

/** Prepares a cost model once; only expressions can be wrong. */
export function compilePrice<Call>(
  cost: ToolCost,
  compileAmount: CompileAmount<Call>,
): { price: Price<Call> } | { error: string } {
  if (cost.kind === 'free') return { price: { quote: FREE } };
  const onSuccess = cost.chargeOn === 'success' ? true : undefined;
  if (cost.kind === 'cel') {
    const compiled = compileAmount(cost.micros);
    if ('error' in compiled) return compiled;
    return { price: { amount: compiled.amount, maxMicros: cost.maxMicros, onSuccess } };
  }
  return { price: { quote: Object.freeze({ ...knownOf(cost), ...(onSuccess && { onSuccess }) }) } };
}

function knownOf(cost: Exclude<ToolCost, { kind: 'free' | 'cel' }>): PriceQuote {
  switch (cost.kind) {
    case 'flat':
      return { reservedMicros: cost.micros };
    case 'size': {
      const { maxMicros, microsPerKiB, baseMicros = 0 } = cost;
      return { reservedMicros: maxMicros, meter: { kind: 'size', microsPerKiB, baseMicros } };
    }
    case 'reported': {
      const { maxMicros, key = REPORTED_KEY } = cost;
      return { reservedMicros: maxMicros, meter: { kind: 'reported', key } };
    }
  }
}

/**
 * What is known of a call's cost before it is sent, and what to reserve for it. `call` is asked for only where
 * the price hangs on it. `error` says in one sentence why the price is not known.
 */
export function quote<Call>(price: Price<Call>, call: () => Call): PriceQuote | { error: string } {
  if (price.quote) return price.quote;
  const amount = price.amount(call());
  if (typeof amount !== 'number') return amount;
  if (!Number.isSafeInteger(amount))
    return { error: `the expression gave ${amount}, which is not a whole number` };
  if (amount < 0) return { error: `the expression gave ${amount}, which is less than nothing` };
  if (amount > MAX_MICROS)
    return { error: `the expression gave ${amount}, which is more than ${MAX_MICROS}` };
  const { maxMicros = MAX_MICROS, onSuccess } = price;
  return {
    // Minus nought is nought.
    reservedMicros: Math.min(Math.abs(amount), maxMicros),
    ...(onSuccess && { onSuccess }),
    ...(amount > maxMicros && { uncappedMicros: amount }),
  };
}
