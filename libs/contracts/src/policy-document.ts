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

const SPAN = /^([1-9]\d{0,4}m|[1-9]\d{0,2}h|[1-9]\d?d)$/;
// The same for editors, which cannot reckon.
const THIRTY_DAYS =
  /^(([1-9]\d{0,3}|[123]\d{4}|4[012]\d{3}|43[01]\d\d|43200)m|([1-9]\d?|[1-6]\d\d|7[01]\d|720)h|([1-9]|[12]\d|30)d)$/;

/** Minutes, hours or days, such as `30m`, `24h`, `7d`; thirty days at most. */
export const Span = z
  .string()
  .regex(SPAN, 'must be a time such as "30m", "24h" or "7d"')
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
  zone: z.string().max(64).default('UTC').describe('IANA time zone, such as Europe/Berlin.'),
  days: z.array(Weekday).min(1).max(7).optional().describe('On these days.'),
  from: ClockTime.optional().describe('From this time of day on; with "to".'),
  to: ClockTime.optional().describe('Until this time of day, excluding it; with "from".'),
  after: z.iso.datetime({ offset: true }).optional().describe('From this instant on.'),
  before: z.iso.datetime({ offset: true }).optional().describe('Until this instant, excluding it.'),
});
export type TimeWindow = z.infer<typeof TimeWindow>;

/** All matchers that are given must hold; within one list any entry is enough. None given: every call. */
export const RuleMatch = z.strictObject({
  users: names.optional().describe('E-mail addresses, letter case ignored.'),
  groups: names.optional().describe('Groups of the workspace.'),
  roles: names.optional().describe('Roles in the workspace.'),
  clients: names.optional().describe('OAuth client ids, or ids of API keys.'),
  connections: names.optional().describe('Connection slugs; * stands for any characters.'),
  tools: names
    .optional()
    .describe('Names of tools as shown to clients; * stands for any characters.'),
  class: z.array(ToolClass).min(1).max(3).optional().describe('What calls of the tool do.'),
  labels: z
    .array(ToolLabel)
    .min(1)
    .max(3)
    .optional()
    .describe(
      'What an admin knows of the tool: gives private data, gives text that strangers wrote (untrusted), sends data out (egress).',
    ),
  seen: z
    .array(z.enum(['private', 'untrusted']))
    .min(1)
    .max(2)
    .optional()
    .describe(
      "Labels of tools whose results this person's client was given within the taint window. Unlike other lists, all of them must have been.",
    ),
  time: TimeWindow.optional().describe(
    'When the rule holds, in the clock of the zone; "from" after "to" runs over midnight.',
  ),
  if: z
    .string()
    .min(1)
    .max(2048)
    .optional()
    .describe(
      'A CEL expression over args, caller, tool and context that is true where the rule applies, such as args.amount > 500000.',
    ),
});
export type RuleMatch = z.infer<typeof RuleMatch>;

/** Who decides, beside the requester: members of the group, with one of the roles, or named. */
export const Approvers = z
  .strictObject({
    group: z.string().min(1).max(320).optional().describe('Members of this group approve.'),
    roles: z
      .array(z.string().min(1).max(64))
      .min(1)
      .max(20)
      .optional()
      .describe('People with one of these roles approve.'),
    users: names
      .optional()
      .describe('These people approve: e-mail addresses, letter case ignored.'),
    label: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe(
        'What the requester reads: "Request sent to <label>". Absent: the group, or "the approvers".',
      ),
    count: z.int().min(1).max(10).default(1).describe('How many different people must approve.'),
  })
  .refine(
    ({ group, roles, users }) => group ?? roles ?? users,
    'needs "group", "roles" or "users"',
  );
export type Approvers = z.infer<typeof Approvers>;

/** What is taken out before a result is given, and before audit keeps arguments and results. */
export const Redact = z
  .strictObject({
    fields: z
      .array(z.string().min(1).max(200))
      .min(1)
      .max(100)
      .optional()
      .describe(
        'Paths into the JSON, such as customer.email; * is any one name or index, ** any number of them.',
      ),
    kinds: z
      .array(z.enum(['email', 'card', 'iban', 'phone', 'secret']))
      .min(1)
      .max(5)
      .optional()
      .describe('What is looked for in every text and name.'),
    patterns: z
      .array(z.string().min(1).max(500))
      .min(1)
      .max(20)
      .optional()
      .describe('Regular expressions in the syntax of RE2.'),
    from: z
      .array(z.enum(['result', 'audit']))
      .min(1)
      .max(2)
      .default(['result', 'audit'])
      .describe('Out of what the client is given, of what audit keeps, or of both.'),
    with: z.string().max(40).default('[redacted]').describe('What stands in its place.'),
  })
  .refine(
    ({ fields, kinds, patterns }) => fields ?? kinds ?? patterns,
    'needs "fields", "kinds" or "patterns"',
  );
export type Redact = z.infer<typeof Redact>;

export const PolicyRule = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be 1 to 64 letters, digits, "-", "_" or "."')
    .describe('How audit, explanations and tests call the rule.'),
  description: z.string().max(500).optional().describe('For people who read the document.'),
  when: RuleMatch.default({}).describe(
    'All that is given must hold; within a list one entry is enough. Nothing given: every call.',
  ),
  effect: PolicyEffect.describe(
    'deny wins over require_approval, and that over allow, whatever the order. redact adds to what lets the call through.',
  ),
  approvers: Approvers.optional().describe(
    'Of require_approval, which needs it: who approves. Nobody approves what they asked for.',
  ),
  expires: Span.optional().describe(
    'Of require_approval: how long approvers have, and how long an approval can be used. Absent: 24h.',
  ),
  onApproval: z
    .enum(['run', 'wait'])
    .optional()
    .describe(
      'Of require_approval: the call is made when it is approved (run, the default), or when it is made again (wait).',
    ),
  redact: Redact.optional().describe('Of redact, which needs it: what is taken out.'),
  message: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('What the person reads when this rule refuses, after "Permission denied: ".'),
  list: z.boolean().optional().describe('Keeps the tool in lists although this rule refuses it.'),
});
export type PolicyRule = z.infer<typeof PolicyRule>;

/** A call that the policy must decide as expected before it can become active. */
export const PolicyTest = z.strictObject({
  name: z.string().max(200).optional().describe('How the result calls the test.'),
  call: z
    .strictObject({
      user: z.string().max(320).optional().describe('The e-mail address of who calls.'),
      groups: z.array(z.string()).max(500).optional().describe('Their groups; absent: none.'),
      roles: z.array(z.string()).max(20).optional().describe('Their roles; absent: member.'),
      client: z.string().max(2048).optional().describe('The OAuth client id.'),
      tool: z.string().min(1).max(128).describe('The name of the tool as shown to clients.'),
      class: ToolClass.optional().describe('Whatever the catalogue says of the tool.'),
      labels: z
        .array(ToolLabel)
        .max(3)
        .optional()
        .describe('Whatever the catalogue says of the tool.'),
      seen: z
        .array(ToolLabel)
        .max(3)
        .optional()
        .describe("What the person's client was given before, as in a rule's seen."),
      args: z.record(z.string(), z.unknown()).default({}).describe('The arguments.'),
      at: z.iso.datetime({ offset: true }).optional().describe('When; absent: now.'),
    })
    .describe('The call that is decided.'),
  expect: PolicyEffect.describe('What must come; redact: something is taken out.'),
  rule: z.string().optional().describe('The rule that must have decided.'),
});
export type PolicyTest = z.infer<typeof PolicyTest>;

export const PolicyDocument = z.strictObject({
  version: z.literal(1, { error: 'must be 1' }).describe('The version of this format.'),
  default: z
    .enum(['deny', 'allow-read', 'allow'], {
      error: 'must be "deny", "allow-read" or "allow"',
    })
    .describe('What happens to a call that no rule matches.'),
  taint: z
    .strictObject({ window: Span.describe('Such as 30m, 24h or 7d; thirty days at most.') })
    .default({ window: '30m' })
    .describe('How long what somebody was given counts as seen.'),
  rules: z.array(PolicyRule).max(2000).default([]).describe('In any order.'),
  tests: z
    .array(PolicyTest)
    .max(500)
    .default([])
    .describe('Calls that must be decided as expected before the document can become active.'),
});
export type PolicyDocument = z.infer<typeof PolicyDocument>;

/**
 * The JSON Schema (2020-12) of what people write, for editors: descriptions to hover over, and what the
 * types alone do not say. What it accepts can still be refused, as for a condition that is not CEL.
 */
export function policyJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(PolicyDocument, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === PolicyRule) jsonSchema.allOf = EFFECTS_NEED;
      if (zodSchema === TimeWindow) jsonSchema.dependentRequired = { from: ['to'], to: ['from'] };
      if (jsonSchema.pattern === SPAN.source) jsonSchema.pattern = THIRTY_DAYS.source;
      if (zodSchema === Approvers) jsonSchema.anyOf = anyOf('group', 'roles', 'users');
      if (zodSchema === Redact) jsonSchema.anyOf = anyOf('fields', 'kinds', 'patterns');
    },
  });
  return { ...schema, title: 'A policy of Conducktor' };
}

const anyOf = (...names: string[]) => names.map((name) => ({ required: [name] }));

/** Fields that belong to one effect, the first of which it needs. */
const EFFECTS_NEED = [
  { effect: 'require_approval', needs: 'approvers', may: ['expires', 'onApproval'] },
  { effect: 'redact', needs: 'redact', may: [] },
].map(({ effect, needs, may }) => ({
  if: { properties: { effect: { const: effect } } },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: { required: [needs] },
  else: { not: { anyOf: anyOf(needs, ...may) } },
}));
