import { compilePrice } from '@conducktor/budget';
import { ConducktorError, type PriceOfTools, type ToolCost } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { compileAmount } from '@conducktor/policy';

// Gateways prepare all of them with every snapshot of the workspace, and share their time with other workspaces:
// 2,000,000 names, as many as each list by itself allows, took 15 s.
const MOST_NAMES = 2_000;
const MOST_CHARACTERS = 1_000_000;

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

/**
 * Throws `conflict` where all lists of the workspace together would be more than gateways prepare in a moment;
 * `id`: this list.
 */
export async function requireRoom(
  tx: PrismaTx,
  tenantId: string,
  prices: readonly PriceOfTools[],
  id = '',
): Promise<void> {
  const [others] = await tx.$queryRaw<{ names: number; characters: number }[]>`
    select coalesce(sum((select sum(jsonb_array_length(each -> 'tools')) from jsonb_array_elements(l.prices) each)), 0)::int as names,
           coalesce(sum(length(l.prices::text)), 0)::int as characters
      from price_list l where l.tenant_id = ${tenantId} and l.id <> ${id}`;
  const names = prices.reduce((sum, { tools }) => sum + tools.length, others!.names);
  if (names > MOST_NAMES)
    throw new ConducktorError(
      'conflict',
      `The price lists of a workspace have at most ${MOST_NAMES} names and patterns of tools, and these would be ${names}. Use patterns such as crm_*, or delete a list that is over.`,
    );
  if (others!.characters + JSON.stringify(prices).length > MOST_CHARACTERS)
    throw new ConducktorError(
      'conflict',
      `The prices of all lists of a workspace are at most ${MOST_CHARACTERS} characters of JSON. Use shorter expressions, or delete a list that is over.`,
    );
}
