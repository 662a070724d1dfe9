import { z } from 'zod';
import { PolicyRule, PolicyTest, ToolClass, ToolLabel } from '../policy-document.js';
import { Instant, idOf, Timestamp } from './common.js';
import { NewPolicy } from './policies.js';

/** Which policy is tried: a draft, or a stored version. */
const policyToTry = {
  document: NewPolicy.shape.document.optional(),
  version: z.int().min(1).max(999_999_999).optional(),
};
const ONE_POLICY = 'needs either "document" or "version"';
const one = ({ document, version }: { document?: unknown; version?: unknown }) =>
  (document === undefined) !== (version === undefined);

const name = z.string().min(1).max(320);

export const NewSimulation = z
  .strictObject({
    ...policyToTry,
    /** Over the recorded calls of the last so many days. */
    days: z.int().min(1).max(90).default(7),
    tool: name.optional(),
    connection: name.optional(),
    client: z.string().min(1).max(2048).optional(),
    /** A member's id or e-mail address. */
    member: name.optional(),
  })
  .refine(one, ONE_POLICY);
export type NewSimulation = z.infer<typeof NewSimulation>;

/** What a call got, or would get. */
export const SimulatedEffect = z.enum(['allow', 'deny', 'require_approval']);
export type SimulatedEffect = z.infer<typeof SimulatedEffect>;

/** Why a recorded call could not be decided again. */
export const NotJudged = z.enum([
  'arguments_not_kept',
  'arguments_expired',
  'arguments_erased',
  'arguments_redacted',
  'tool_gone',
  'member_gone',
]);
export type NotJudged = z.infer<typeof NotJudged>;

const counted = { calls: z.int(), changed: z.int() };

export const SimulationView = z
  .object({
    id: idOf('sim'),
    state: z.enum(['queued', 'running', 'done', 'cancelled', 'failed']),
    /** The stored version that is tried; null: a draft. */
    version: z.int().nullable(),
    days: z.int(),
    since: Timestamp,
    filter: z.object({
      tool: z.string().optional(),
      connection: z.string().optional(),
      client: z.string().optional(),
      memberId: z.string().optional(),
    }),
    createdAt: Timestamp,
    createdBy: idOf('mem').nullable(),
    startedAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
    /** Events of the sequence; `share` from 0 to 1. */
    progress: z.object({ done: z.int(), of: z.int(), share: z.number() }),
    totals: z.object({
      /** Calls that policy decided then. */
      calls: z.int(),
      judged: z.int(),
      changed: z.int(),
      /** How many went from what to what. */
      changes: z.array(z.object({ from: SimulatedEffect, to: SimulatedEffect, calls: z.int() })),
      notJudged: z.array(z.object({ reason: NotJudged, sentence: z.string(), calls: z.int() })),
    }),
    /** By what decided now; `rule` null: the policy's default. Most changed first; 200 at most, as below. */
    rules: z.array(z.object({ rule: z.string().nullable(), ...counted })),
    tools: z.array(z.object({ tool: z.string(), ...counted })),
    people: z.array(z.object({ memberId: z.string(), email: z.string().nullable(), ...counted })),
    /** How many records of changed calls are kept to be read one by one. */
    changesKept: z.int(),
    /** What was taken for what, in sentences. */
    basis: z.array(z.string()),
    error: z.string().nullable(),
  })
  .meta({ id: 'PolicySimulation' });
export type SimulationView = z.infer<typeof SimulationView>;

export const SimulationChangeView = z
  .object({
    /** Of the audit sequence. */
    eventId: z.string(),
    seq: z.int(),
    at: Timestamp,
    memberId: z.string().nullable(),
    email: z.string().nullable(),
    client: z.string().nullable(),
    connection: z.string().nullable(),
    tool: z.string().nullable(),
    /** More than one where equal refusals share a record. */
    calls: z.int(),
    was: z.object({ effect: SimulatedEffect, rule: z.string().nullable() }),
    now: z.object({ effect: SimulatedEffect, rule: z.string().nullable(), sentence: z.string() }),
  })
  .meta({ id: 'PolicySimulationChange' });
export type SimulationChangeView = z.infer<typeof SimulationChangeView>;

/** One call to be explained: made up, or a recorded one; what is given beside `event` wins over the record. */
export const ExplainRequest = z
  .strictObject({
    ...policyToTry,
    /** The id of a recorded call's audit event. */
    event: z.string().min(1).max(64).optional(),
    /** Who calls: a member's id or address; their groups and roles are looked up. */
    member: name.optional(),
    /** Instead of the member's, or of somebody who is none. */
    groups: z.array(name).max(500).optional(),
    roles: z.array(z.string().min(1).max(64)).max(20).optional(),
    client: z.string().min(1).max(2048).optional(),
    scopes: z.array(z.string().min(1).max(200)).max(20).optional(),
    /** As clients see it; the catalogue says the rest, unless it is said here. */
    tool: z.string().min(1).max(128).optional(),
    class: ToolClass.optional(),
    labels: z.array(ToolLabel).max(3).optional(),
    args: z.record(z.string(), z.unknown()).optional(),
    /** Default: now, or when the recorded call was made. */
    at: Instant.optional(),
    sourceIp: z.string().max(64).optional(),
    /** What the client was given within the window. Default: nothing, or what it was by the record. */
    seen: z.array(ToolLabel).max(3).optional(),
  })
  .refine((call) => !(call.document !== undefined && call.version !== undefined), ONE_POLICY)
  .refine(
    ({ event, tool }) => event !== undefined || tool !== undefined,
    'needs "tool" or "event"',
  );
export type ExplainRequest = z.infer<typeof ExplainRequest>;

export const PolicyExplanation = z
  .object({
    /** Null: a draft. */
    version: z.int().nullable(),
    /** The call as it was decided. */
    call: z.object({
      member: z.string(),
      groups: z.array(z.string()),
      roles: z.array(z.string()),
      client: z.string(),
      tool: z.string(),
      connection: z.string(),
      class: ToolClass,
      labels: z.array(z.string()),
      at: Timestamp,
      seen: z.array(ToolLabel),
    }),
    effect: SimulatedEffect,
    rule: z.string().nullable(),
    /** What the person reads when this refuses. */
    message: z.string().nullable(),
    trace: z.array(z.string()),
    /** Every rule's part, in the document's order. */
    rules: z.array(
      z.object({
        rule: z.string(),
        effect: z.string(),
        result: z.string(),
        because: z.string().nullable(),
      }),
    ),
    approvals: z.array(
      z.object({
        rule: z.string(),
        from: z.string(),
        count: z.int(),
        expiresMs: z.int(),
        onApproval: z.enum(['run', 'wait']),
      }),
    ),
    redactions: z.array(z.object({ rule: z.string(), from: z.array(z.string()) })),
    sentence: z.string(),
    /** What was not known and what was taken instead. */
    notes: z.array(z.string()),
  })
  .meta({ id: 'PolicyExplanation' });
export type PolicyExplanation = z.infer<typeof PolicyExplanation>;

const change = { before: z.unknown(), after: z.unknown() };

/** What one version has otherwise than another. The order of rules has no meaning, so it is no difference. */
export const PolicyDiff = z
  .object({
    from: z.int(),
    to: z.int(),
    same: z.boolean(),
    /** `default` and `taint.window`. */
    settings: z.array(z.object({ field: z.string(), ...change })),
    rules: z.object({
      added: z.array(PolicyRule),
      removed: z.array(PolicyRule),
      /** Field by field, such as `when.groups`; null where there is none. */
      changed: z.array(
        z.object({ rule: z.string(), fields: z.array(z.object({ field: z.string(), ...change })) }),
      ),
    }),
    tests: z.object({ added: z.array(PolicyTest), removed: z.array(PolicyTest) }),
  })
  .meta({ id: 'PolicyDiff' });
export type PolicyDiff = z.infer<typeof PolicyDiff>;

const parameterValue = z.union([z.string(), z.number(), z.array(z.string())]);

/** A policy that many workspaces want; `rules` and `tests` are those of its defaults. */
export const ReadyMadePolicy = z
  .object({
    id: z.string(),
    title: z.string(),
    sentence: z.string(),
    parameters: z.array(
      z.object({ name: z.string(), description: z.string(), default: parameterValue }),
    ),
    rules: z.array(PolicyRule),
    tests: z.array(PolicyTest),
  })
  .meta({ id: 'ReadyMadePolicy' });
export type ReadyMadePolicy = z.infer<typeof ReadyMadePolicy>;

export const UseReadyMade = z.strictObject({
  parameters: z.record(z.string().max(64), parameterValue).default({}),
});

/** A draft: it decides nothing before it is activated. */
export const ReadyMadeDraft = z.object({
  version: z.int(),
  /** The active version that the rules were added to; null: there was none. */
  basedOn: z.int().nullable(),
  rules: z.array(PolicyRule),
});
