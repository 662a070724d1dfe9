import { compilePrice } from '@conducktor/budget';
import { ConducktorError, type PriceOfTools, type ToolCost } from '@conducktor/contracts';
import { compileAmount } from '@conducktor/policy';

/** Refuses a cost whose expression does not compile, as gateways compile it; `field` says where it stands. */
export function requirePrice(cost: ToolCost, field: string): void {
  const made = compilePrice(cost, compileAmount);
  if (!('error' in made)) return;
  throw new ConducktorError('invalid_request', `"${field}": ${made.error}.`, {
    detail: { errors: [{ field, problem: made.error }] },
  });
}

export function requirePrices(prices: readonly PriceOfTools[]): void {
  for (const [index, { cost }] of prices.entries())
    requirePrice(cost, `prices[${index}].cost.micros`);
}
