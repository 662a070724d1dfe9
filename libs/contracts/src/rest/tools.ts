import { z } from 'zod';
import { ToolClass } from '../policy-document.js';
import { ToolCost } from './access.js';
import { idOf, PageQuery, Timestamp } from './common.js';

export const ToolLabel = z.enum(['private', 'untrusted', 'egress']);

export const ToolView = z
  .object({
    id: idOf('tol'),
    /** As clients see it. */
    name: z.string(),
    upstreamName: z.string(),
    connectionId: idOf('con'),
    connection: z.string(),
    description: z.string().nullable(),
    /** The class that policies see: the override, else the proposal. */
    class: ToolClass,
    proposedClass: ToolClass,
    classOverride: ToolClass.nullable(),
    labels: z.array(ToolLabel),
    hidden: z.boolean(),
    /** What one call costs, in millionths of the workspace's currency. */
    cost: ToolCost,
    status: z.enum(['active', 'removed']),
    /** SHA-256 of the pinned definition, hexadecimal. */
    definitionHash: z.string(),
    definition: z.record(z.string(), z.unknown()),
    createdAt: Timestamp,
  })
  .meta({ id: 'Tool' });
export type ToolView = z.infer<typeof ToolView>;

export const ToolQuery = PageQuery.extend({ status: z.enum(['active', 'removed']).optional() });

export const ToolPatch = z.strictObject({
  /** Null goes back to the proposal. */
  class: ToolClass.nullable().optional(),
  labels: z.array(ToolLabel).max(3).optional(),
  hidden: z.boolean().optional(),
});
export type ToolPatch = z.infer<typeof ToolPatch>;
