import { TOOLS } from './upstream.ts';

/** Of the connection that each workspace has. */
export const SLUG = 'up';

/** What one call of each tool reserves and costs, in micros; no two the same. */
export const PRICES: Readonly<Record<string, number>> = Object.fromEntries(
  TOOLS.map(({ name }, index) => [`${SLUG}_${name}`, 1_000 + 7 * index]),
);
