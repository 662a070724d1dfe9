import type { CallResult, Charge, PriceQuote } from '@conducktor/contracts';

const KIB = 1_024;
const NOTHING: Charge = Object.freeze({ costMicros: 0 });

/**
 * Outcomes that are certain not to have reached a service, which are free, and the unknown one, of which the
 * reservation stays until somebody knows.
 */
const NOT_CHARGED: ReadonlySet<CallResult['outcome']> = new Set([
  'unknown',
  'unavailable',
  'not_sent',
]);

/** Whether a call that ended so is paid for: it is from the moment it is sent, whatever its service makes of it. */
export function isCharged(outcome: CallResult['outcome']): boolean {
  return !NOT_CHARGED.has(outcome);
}

/** Whether gateway and worker have to tell each other of it: what it costs hangs on what comes of it. */
export function hangsOnOutcome({ meter, onSuccess, uncappedMicros }: PriceQuote): boolean {
  return meter !== undefined || onSuccess === true || uncappedMicros !== undefined;
}

/** What came of a call, as far as its price may hang on it. */
export type Priced = Pick<CallResult, 'outcome' | 'resultJson'>;

/**
 * What a call is charged, in millionths of the workspace's currency: a whole number, never more than was
 * reserved. A service that says nothing of what it costs, or nothing that can be charged, where its price is
 * as reported, costs the maximum: else whoever stays silent would cost nothing. Never throws.
 */
export function charge(quote: PriceQuote, { outcome, resultJson }: Priced): Charge {
  const { meter, reservedMicros } = quote;
  if (reservedMicros === 0 && !hangsOnOutcome(quote)) return NOTHING;
  if (!isCharged(outcome) || (quote.onSuccess && outcome !== 'ok')) return NOTHING;
  if (asksForInput(resultJson)) return NOTHING;
  if (!meter) return capped(quote.uncappedMicros ?? reservedMicros, reservedMicros);
  if (meter.kind === 'reported') return capped(reported(resultJson, meter.key), reservedMicros);
  // What did not arrive is of no size.
  const kib = resultJson === undefined ? 0 : Math.ceil(Buffer.byteLength(resultJson) / KIB);
  return capped(meter.baseMicros + meter.microsPerKiB * kib, reservedMicros);
}

/** The same for whoever was not told of a quote: undefined where it is what was reserved, if it was sent. */
export function chargeOfUnquoted({ resultJson }: Priced): Charge | undefined {
  return asksForInput(resultJson) ? NOTHING : undefined;
}

function capped(micros: number | undefined, maxMicros: number): Charge {
  if (micros === undefined) return { costMicros: maxMicros, overMax: true };
  if (micros <= maxMicros) return { costMicros: micros };
  return {
    costMicros: maxMicros,
    overMax: true,
    ...(Number.isSafeInteger(micros) && { uncappedMicros: micros }),
  };
}

/**
 * Whether a service asks for input instead of answering (2026-07-28): what comes of that is a call of its own,
 * and paid for then. What brings content is an answer, whatever it says it is: else a service could answer for
 * nothing, and no budget would end that.
 */
function asksForInput(resultJson: string | undefined): boolean {
  if (!resultJson?.includes('"input_required"')) return false;
  const { resultType, content = [], structuredContent } = objectIn(resultJson);
  return (
    resultType === 'input_required' &&
    structuredContent === undefined &&
    Array.isArray(content) &&
    content.length === 0
  );
}

function reported(resultJson: string | undefined, key: string): number | undefined {
  const meta = resultJson === undefined ? undefined : objectIn(resultJson)['_meta'];
  if (typeof meta !== 'object' || meta === null || !Object.hasOwn(meta, key)) return undefined;
  const micros = (meta as Record<string, unknown>)[key];
  return isAmount(micros) ? Math.abs(micros) : undefined;
}

const isAmount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

function objectIn(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
