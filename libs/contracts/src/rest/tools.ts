import { z } from 'zod';
import { ToolClass, ToolLabel } from '../policy-document.js';
import { ToolCost } from './access.js';
import { idOf, PageQuery, Timestamp } from './common.js';
import { ToolPreview, ToolPreviewView } from './tool-preview.js';

const ToolStatus = z.enum(['active', 'quarantined', 'removed']);
const DefinitionHash = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in hexadecimal');

const OfferedDefinition = z.object({
  definitionHash: DefinitionHash,
  /** Whether an admin has rejected this very definition. */
  rejected: z.boolean(),
  at: Timestamp,
});

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
    /** What one call costs, in millionths of the workspace's currency, as was set for this tool. */
    cost: ToolCost,
    /** What one call costs now: as was set, else by the price list that holds and names the tool. */
    effectiveCost: z.object({
      cost: ToolCost,
      /** Null: it was set for the tool, or nothing says a price and it is free. */
      priceList: z.object({ id: idOf('prl'), name: z.string() }).nullable(),
    }),
    /** What approvers are shown beside a call of it. Null: its arguments only. */
    preview: ToolPreviewView.nullable(),
    /** `quarantined`: neither listed nor called, because its service lists a definition that nobody has accepted. */
    status: ToolStatus,
    /** SHA-256 of the pinned definition, hexadecimal; empty while no definition of it was ever accepted. */
    definitionHash: z.string(),
    definition: z.record(z.string(), z.unknown()),
    /** What the service lists instead. Null: what is pinned. */
    offered: OfferedDefinition.nullable(),
    createdAt: Timestamp,
  })
  .meta({ id: 'Tool' });
export type ToolView = z.infer<typeof ToolView>;

export const ToolQuery = PageQuery.extend({ status: ToolStatus.optional() });

/** What a service would change of a tool, field by field. */
export const ToolChange = z
  .object({
    id: idOf('tol'),
    name: z.string(),
    connection: z.string(),
    /** As in Tool: empty for a tool that is new. */
    definitionHash: z.string(),
    offered: OfferedDefinition,
    /** The class that policies see, and see once this is accepted. Null for a tool that is new. */
    class: z.object({ before: ToolClass.nullable(), after: ToolClass }),
    /** In the order of paths. `before` is missing where the field is new, `after` where it goes. */
    fields: z.array(
      z.object({
        /** JSON Pointer (RFC 6901) into the definition. */
        path: z.string(),
        before: z.unknown().optional(),
        after: z.unknown().optional(),
      }),
    ),
  })
  .meta({ id: 'ToolChange' });
export type ToolChange = z.infer<typeof ToolChange>;

/** The definition that was looked at: another one that the service lists meanwhile is not decided with it. */
export const ToolAcceptance = z.strictObject({ definitionHash: DefinitionHash });
export type ToolAcceptance = z.infer<typeof ToolAcceptance>;

export const ToolRejection = ToolAcceptance.extend({
  reason: z.string().trim().min(1).max(500).optional(),
});
export type ToolRejection = z.infer<typeof ToolRejection>;

export const ToolPatch = z.strictObject({
  /** Null goes back to the proposal. */
  class: ToolClass.nullable().optional(),
  labels: z.array(ToolLabel).max(3).optional(),
  hidden: z.boolean().optional(),
  /** Null takes it away. */
  preview: ToolPreview.nullable().optional(),
});
export type ToolPatch = z.infer<typeof ToolPatch>;
