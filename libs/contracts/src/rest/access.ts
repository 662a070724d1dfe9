import { z } from 'zod';

/** What a member may do beyond their roles. `audit:payloads`: read the arguments of recorded calls. */
export const Permission = z.enum(['audit:payloads']);
export type Permission = z.infer<typeof Permission>;

/** What can be frozen: everything of it stops within a second. */
export const FreezeKind = z.enum(['workspace', 'connection', 'member', 'client']);
export type FreezeKind = z.infer<typeof FreezeKind>;

/** A scope that a connection declares: needed, beside mcp:read or mcp:write, by the tools it names. */
export const DeclaredScope = z.strictObject({
  scope: z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{0,31}:[a-z][a-z0-9-]{0,31}$/,
      'must be two words such as "read:inventory"',
    )
    .refine((scope) => !scope.startsWith('mcp:'), 'must not begin with "mcp:"'),
  /** What the consent page says of it, after "It may". */
  description: z.string().min(1).max(200).optional(),
  /** Globs over the upstream's own tool names. */
  tools: z.array(z.string().min(1).max(128)).min(1).max(200),
});
export type DeclaredScope = z.infer<typeof DeclaredScope>;

export const DeclaredScopes = z
  .array(DeclaredScope)
  .max(50)
  .refine(
    (all) => new Set(all.map(({ scope }) => scope)).size === all.length,
    'names a scope twice',
  );

/** What a call of a tool costs. Millionths of the workspace's currency. */
export const ToolCost = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('free') }),
  z.strictObject({ kind: z.literal('flat'), micros: z.int().min(0).max(1_000_000_000_000) }),
]);
export type ToolCost = z.infer<typeof ToolCost>;
