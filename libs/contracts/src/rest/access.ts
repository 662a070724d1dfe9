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

const Micros = z.int().min(0).max(1_000_000_000_000);
const MaxMicros = Micros.describe(
  'Reserved before the call, and the most that is charged; more is charged at this and flagged.',
);
/** Whether a call is paid once it is sent, or only when its service answers without an error. */
const ChargeOn = z.enum(['sent', 'success']);

/**
 * What a call of a tool costs, in millionths of the workspace's currency. `cel` is an expression over
 * `args`, `caller`, `tool` and `context`, as in policies, that yields an integer; it is known before the call.
 * `size` (of the result as JSON, each kibibyte begun) and `reported` (by the service, under `key` in the
 * result's `_meta`) are known only afterwards.
 */
export const ToolCost = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('free') }),
  z.strictObject({ kind: z.literal('flat'), micros: Micros, chargeOn: ChargeOn.optional() }),
  z.strictObject({
    kind: z.literal('cel'),
    micros: z.string().min(1).max(2_000),
    maxMicros: Micros.optional(),
    chargeOn: ChargeOn.optional(),
  }),
  z.strictObject({
    kind: z.literal('size'),
    microsPerKiB: Micros,
    baseMicros: Micros.optional(),
    maxMicros: MaxMicros,
    chargeOn: ChargeOn.optional(),
  }),
  z.strictObject({
    kind: z.literal('reported'),
    key: z.string().min(1).max(200).optional(),
    maxMicros: MaxMicros,
    chargeOn: ChargeOn.optional(),
  }),
]);
export type ToolCost = z.infer<typeof ToolCost>;
