import type { ToolCost } from '@conducktor/contracts';

/** What calls cost in the demo: a cent each, and a cent for each entity that is remembered. */
export const DEMO_PRICES: Readonly<Record<string, ToolCost>> = {
  'everything_get-sum': { kind: 'flat', micros: 10_000 },
  memory_create_entities: { kind: 'cel', micros: 'size(args.entities) * 10000' },
};
