import { z } from 'zod';

/**
 * The policy document of a workspace (CONTRACT.md, "A policy, by example"). This schema says which
 * fields exist and of which shape; whether a condition compiles is for `@conducktor/policy` to say.
 */
export const PolicyEffect = z.enum(['allow', 'deny'], {
  error: (issue) =>
    issue.input === 'require_approval' || issue.input === 'redact'
      ? `"${String(issue.input)}" comes with approvals, which this version does not have yet; use "allow" or "deny"`
      : 'must be "allow" or "deny"',
});

export const ToolClass = z.enum(['read', 'write', 'destructive']);
export type ToolClass = z.infer<typeof ToolClass>;

// Bounds of one list inside a rule and of the document: what a person can still review.
const names = z.array(z.string().min(1).max(320)).min(1).max(500);

const Weekday = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);
const ClockTime = z
  .string()
  .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'must be a time of day such as "09:00"');

/** When a rule holds, in the zone's own clock. `from` after `to` runs over midnight; `to` is excluded. */
export const TimeWindow = z.strictObject({
  zone: z.string().max(64).default('UTC'),
  days: z.array(Weekday).min(1).max(7).optional(),
  from: ClockTime.optional(),
  to: ClockTime.optional(),
  /** Absolute bounds: from this instant on, and until (excluding) that one. */
  after: z.iso.datetime({ offset: true }).optional(),
  before: z.iso.datetime({ offset: true }).optional(),
});
export type TimeWindow = z.infer<typeof TimeWindow>;

/** All matchers that are given must hold; within one list any entry is enough. None given: every call. */
export const RuleMatch = z.strictObject({
  /** E-mail addresses, letter case ignored. */
  users: names.optional(),
  groups: names.optional(),
  roles: names.optional(),
  /** OAuth client ids. */
  clients: names.optional(),
  /** Connection slugs; `*` stands for any characters. */
  connections: names.optional(),
  /** Names of tools as shown to clients; `*` stands for any characters. */
  tools: names.optional(),
  class: z.array(ToolClass).min(1).max(3).optional(),
  time: TimeWindow.optional(),
  /** A CEL expression over args, caller, tool and context that is true where the rule applies. */
  if: z.string().min(1).max(2048).optional(),
});
export type RuleMatch = z.infer<typeof RuleMatch>;

export const PolicyRule = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be 1 to 64 letters, digits, "-", "_" or "."'),
  description: z.string().max(500).optional(),
  when: RuleMatch.default({}),
  effect: PolicyEffect,
  /** What the person reads when this rule refuses. */
  message: z.string().min(1).max(500).optional(),
  /** Keeps the tool in lists although this rule refuses it. */
  list: z.boolean().optional(),
});
export type PolicyRule = z.infer<typeof PolicyRule>;

/** A call that the policy must decide as expected before it can become active. */
export const PolicyTest = z.strictObject({
  name: z.string().max(200).optional(),
  call: z.strictObject({
    user: z.string().max(320).optional(),
    groups: z.array(z.string()).max(500).optional(),
    roles: z.array(z.string()).max(20).optional(),
    client: z.string().max(2048).optional(),
    tool: z.string().min(1).max(128),
    /** The class to assume, whatever the catalogue says of the tool. */
    class: ToolClass.optional(),
    args: z.record(z.string(), z.unknown()).default({}),
    at: z.iso.datetime({ offset: true }).optional(),
  }),
  expect: PolicyEffect,
  /** The rule that must have decided. */
  rule: z.string().optional(),
});
export type PolicyTest = z.infer<typeof PolicyTest>;

export const PolicyDocument = z.strictObject({
  version: z.literal(1, { error: 'must be 1' }),
  /** What happens to a call that no rule matches. */
  default: z.enum(['deny', 'allow-read', 'allow'], {
    error: 'must be "deny", "allow-read" or "allow"',
  }),
  rules: z.array(PolicyRule).max(2000).default([]),
  tests: z.array(PolicyTest).max(500).default([]),
});
export type PolicyDocument = z.infer<typeof PolicyDocument>;
