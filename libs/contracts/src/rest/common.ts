import { z } from 'zod';
import type { IdPrefix } from '../ids.js';

/** An id of one kind: its prefix and 22 characters of base 62. Anything else cannot exist. */
export function idOf(prefix: IdPrefix) {
  return z.string().regex(new RegExp(`^${prefix}_[0-9A-Za-z]{22}$`), `must be an id "${prefix}_…"`);
}

/** The name of a connection or toolset in paths and tool names; they share one namespace. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,23}$/, 'must be 1 to 24 of a-z, 0-9 and "-", and not begin with "-"')
  .refine((slug) => slug !== 'conducktr', 'is reserved for the management tools');

/** Instants, ISO 8601 in UTC. */
export const Timestamp = z.iso.datetime();

const NO_INSTANT = 'must be an instant such as 2026-11-23T10:30:00Z';

/** What a caller may send for an instant: any offset that is in use, in years that a database knows. */
export const Instant = z.iso
  .datetime({ offset: true, error: NO_INSTANT })
  .refine((text) => isFourDigitYear(text) && !/[+-](1[6-9]|2\d):\d\d$/.test(text), NO_INSTANT);

function isFourDigitYear(text: string): boolean {
  const at = new Date(text).getTime();
  return at >= Date.UTC(1000, 0) && at < Date.UTC(10_000, 0);
}

export const Role = z.enum(['owner', 'admin', 'approver', 'auditor', 'billing', 'member']);
export type Role = z.infer<typeof Role>;

/** RFC 9457. `code` is stable, `detail` is a sentence for people. */
export const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    /** Fields of the request that failed their check. */
    errors: z.array(z.object({ field: z.string(), problem: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem document' });
export type Problem = z.infer<typeof Problem>;

/** `{"items":[…],"nextCursor":null|"…"}` */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: 'Pass as ?cursor= for the next page' }),
  });
}

/** Query of every list. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(4_000).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;
