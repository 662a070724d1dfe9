import { z } from 'zod';

/**
 * The policy document of a workspace (CONTRACT.md, "A policy, by example"). This schema says which
 * fields exist and of which shape; whether a condition compiles is for `@conducktor/policy` to say.
 */
export const PolicyEffect = z.enum(['allow', 'deny', 'require_approval', 'redact'], {
  error: 'must be "allow", "deny", "require_approval" or "redact"',
});
export type PolicyEffect = z.infer<typeof PolicyEffect>;

export const ToolClass = z.enum(['read', 'write', 'destructive']);
export type ToolClass = z.infer<typeof ToolClass>;

/** What an admin knows of a tool: gives private data, gives text that strangers wrote, sends data out. */
export const ToolLabel = z.enum(['private', 'untrusted', 'egress']);
export type ToolLabel = z.infer<typeof ToolLabel>;

/** Minutes, hours or days, such as `30m`, `24h`, `7d`; thirty days at most. */
export const Span = z
  .string()
  .regex(/^([1-9]\d{0,4}m|[1-9]\d{0,2}h|[1-9]\d?d)$/, 'must be a time such as "30m", "24h" or "7d"')
  .refine((text) => spanMs(text) <= 30 * 86_400_000, 'must be thirty days at most');

/** A `Span` in milliseconds. */
export function spanMs(span: string): number {
  const unit = { m: 60_000, h: 3_600_000, d: 86_400_000 }[span.at(-1) as 'm' | 'h' | 'd'];
  return Number(span.slice(0, -1)) * unit;
}

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
  labels: z.array(ToolLabel).min(1).max(3).optional(),
  /**
   * Labels that tools had whose results this person's client was given within the document's taint window:
   * unlike the other lists, all of them must have been.
   */
  seen: z
    .array(z.enum(['private', 'untrusted']))
    .min(1)
    .max(2)
    .optional(),
  time: TimeWindow.optional(),
  /** A CEL expression over args, caller, tool and context that is true where the rule applies. */
  if: z.string().min(1).max(2048).optional(),
});
export type RuleMatch = z.infer<typeof RuleMatch>;

/** Who decides, beside the requester: members of the group, with one of the roles, or named. */
export const Approvers = z
  .strictObject({
    group: z.string().min(1).max(320).optional(),
    roles: z.array(z.string().min(1).max(64)).min(1).max(20).optional(),
    /** E-mail addresses, letter case ignored. */
    users: names.optional(),
    /** What the requester reads: "Request sent to <label>". Absent: the group's name, or "the approvers". */
    label: z.string().min(1).max(100).optional(),
    /** How many different people must approve. */
    count: z.int().min(1).max(10).default(1),
  })
  .refine(
    ({ group, roles, users }) => group ?? roles ?? users,
    'needs "group", "roles" or "users"',
  );
export type Approvers = z.infer<typeof Approvers>;

/** What is taken out before a result is given, and before audit keeps arguments and results. */
export const Redact = z
  .strictObject({
    /** Paths into the JSON, such as `customer.email`; `*` is any one name or index, `**` any number of them. */
    fields: z.array(z.string().min(1).max(200)).min(1).max(100).optional(),
    kinds: z
      .array(z.enum(['email', 'card', 'iban', 'phone', 'secret']))
      .min(1)
      .max(5)
      .optional(),
    /** RE2. */
    patterns: z.array(z.string().min(1).max(500)).min(1).max(20).optional(),
    from: z
      .array(z.enum(['result', 'audit']))
      .min(1)
      .max(2)
      .default(['result', 'audit']),
    with: z.string().max(40).default('[redacted]'),
  })
  .refine(
    ({ fields, kinds, patterns }) => fields ?? kinds ?? patterns,
    'needs "fields", "kinds" or "patterns"',
  );
export type Redact = z.infer<typeof Redact>;

export const PolicyRule = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be 1 to 64 letters, digits, "-", "_" or "."'),
  description: z.string().max(500).optional(),
  when: RuleMatch.default({}),
  effect: PolicyEffect,
  /** Of `require_approval`, which needs it. */
  approvers: Approvers.optional(),
  /** Of `require_approval`: how long approvers have, and how long an approval can be used. Absent: 24h. */
  expires: Span.optional(),
  /** Of `require_approval`: the call is made when it is approved (`run`, default), or when it is made again. */
  onApproval: z.enum(['run', 'wait']).optional(),
  /** Of `redact`, which needs it. */
  redact: Redact.optional(),
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
    labels: z.array(ToolLabel).max(3).optional(),
    /** What the person's client was given before, as in a rule's `seen`. */
    seen: z.array(ToolLabel).max(3).optional(),
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
  /** How long what somebody was given counts as seen. */
  taint: z.strictObject({ window: Span }).default({ window: '30m' }),
  rules: z.array(PolicyRule).max(2000).default([]),
  tests: z.array(PolicyTest).max(500).default([]),
});
export type PolicyDocument = z.infer<typeof PolicyDocument>;
