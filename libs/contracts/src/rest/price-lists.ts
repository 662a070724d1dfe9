import { z } from 'zod';
import { ToolCost } from './access.js';
import { idOf, Instant, Timestamp } from './common.js';

/** One price of a list, for all tools that a glob fits. */
export const PriceOfTools = z.strictObject({
  /** Globs over shown names. */
  tools: z.array(z.string().min(1).max(128)).min(1).max(200),
  cost: ToolCost,
});
export type PriceOfTools = z.infer<typeof PriceOfTools>;

const fields = {
  /** For people; unique in the workspace. */
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^[^\p{C}]*$/u, 'must be one line of visible text'),
  validFrom: Instant,
  /** The first moment at which it holds no more. Null: until a later list takes its place. */
  validUntil: Instant.nullable(),
  /** The first that fits a tool counts. */
  prices: z.array(PriceOfTools).min(1).max(200),
};

export const NewPriceList = z.strictObject({
  ...fields,
  /** Now, unless it says otherwise. */
  validFrom: fields.validFrom.optional(),
  validUntil: fields.validUntil.default(null),
});
export type NewPriceList = z.infer<typeof NewPriceList>;

export const PriceListPatch = z.strictObject(fields).partial();
export type PriceListPatch = z.infer<typeof PriceListPatch>;

export const PriceListView = z
  .object({
    id: idOf('prl'),
    name: z.string(),
    validFrom: Timestamp,
    validUntil: Timestamp.nullable(),
    prices: z.array(PriceOfTools),
    createdAt: Timestamp,
  })
  .meta({ id: 'PriceList' });
export type PriceListView = z.infer<typeof PriceListView>;
