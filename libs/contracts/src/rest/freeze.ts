import { z } from 'zod';
import { FreezeKind } from './access.js';
import { Timestamp } from './common.js';

export const NewFreeze = z.strictObject({
  kind: FreezeKind,
  /** Of a client: its client id, or the id of an API key. Of the others, their id. */
  id: z.string().min(1).max(2048),
  /** Shown to whoever is stopped by it. */
  reason: z
    .string()
    .min(1)
    .max(300)
    .regex(/^[^\p{C}]*$/u, 'must be one line of visible text'),
});
export type NewFreeze = z.infer<typeof NewFreeze>;

export const FreezeView = z
  .object({
    kind: FreezeKind,
    id: z.string(),
    reason: z.string(),
    /** The member who froze it. */
    createdBy: z.string(),
    createdAt: Timestamp,
  })
  .meta({ id: 'Freeze' });
export type FreezeView = z.infer<typeof FreezeView>;
