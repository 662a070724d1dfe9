const MICROS = 1_000_000;

/**
 * An amount as people read it: `$100`, `€0.25`, `CHF 12.50`. Whole amounts without decimals, others with as many
 * as they have, two at least. `currency` is of ISO 4217.
 */
export function amountText(micros: number, currency: string): string {
  const isWhole = micros % MICROS === 0;
  return new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
    minimumFractionDigits: isWhole ? 0 : 2,
    maximumFractionDigits: isWhole ? 0 : 6,
  }).format(micros / MICROS);
}
