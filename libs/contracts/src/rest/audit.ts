import { z } from 'zod';
import { Instant, PageQuery, Timestamp } from './common.js';

/** How a recorded call ended. */
export const CallOutcome = z.enum([
  'ok',
  'error',
  'timeout',
  'unavailable',
  'unknown',
  'cancelled',
  'not_sent',
]);

const eventFields = {
  id: z.string(),
  /** Position in the workspace's sequence, from 1, without gaps. */
  seq: z.int(),
  at: Timestamp,
  actor: z.string().nullable(),
  memberId: z.string().nullable(),
  client: z.string().nullable(),
  connection: z.string().nullable(),
  tool: z.string().nullable(),
  decision: z.string().nullable(),
  code: z.string().nullable(),
  rule: z.string().nullable(),
  /** Null while a call runs, for denials, and for changes on the control plane. */
  outcome: z.string().nullable(),
  durationMs: z.number().nullable(),
  costMicros: z.int(),
  callId: z.string().nullable(),
  argumentsHash: z.string().nullable(),
  /** Of a change: what was done, such as `connection.create`. */
  action: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()),
};

/** One call with its outcome, one refusal, or one change made on the control plane. */
export const AuditEventView = z
  .object({ ...eventFields, kind: z.enum(['call', 'denial', 'control']) })
  .meta({ id: 'AuditEvent' });
export type AuditEventView = z.infer<typeof AuditEventView>;

/**
 * One entry of the sequence as it was sealed: a call and its outcome are two. An outcome says again who
 * called what, as its call does.
 */
export const SealedEventView = z
  .object({ ...eventFields, kind: z.enum(['call', 'denial', 'outcome', 'control']) })
  .meta({ id: 'SealedEvent' });
export type SealedEventView = z.infer<typeof SealedEventView>;

// Text that is no number, such as blanks, would be a place to some readers of it.
const Seq = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a place in the sequence, such as 4711')
  .transform(Number);

const filters = {
  since: Instant.optional(),
  until: Instant.optional(),
  /** Member id, e-mail address, or the actor as an event shows it. */
  actor: z.string().min(1).max(320).optional(),
  /** Client id, or the id of an API key. */
  client: z.string().min(1).max(2_048).optional(),
  /** Slug. */
  connection: z.string().min(1).max(64).optional(),
  /** Shown name. */
  tool: z.string().min(1).max(64).optional(),
  decision: z.enum(['allow', 'deny']).optional(),
  /** As docs/errors.md lists them. */
  code: z.string().min(1).max(64).optional(),
  /** `denied`, or how a call ended. */
  outcome: z.enum(['denied', ...CallOutcome.options]).optional(),
  callId: z.string().min(1).max(64).optional(),
};

export const AuditQuery = PageQuery.extend({
  ...filters,
  kind: AuditEventView.shape.kind.optional(),
  order: z.enum(['asc', 'desc']).default('desc').meta({ description: 'By seq' }),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

export const AuditExportQuery = z.strictObject({
  format: z.enum(['ndjson', 'csv']).default('ndjson'),
  ...filters,
  kind: SealedEventView.shape.kind.optional(),
  /** Events after this place in the sequence: `nextAfter` of an export that was complete, or the last `seq` of one that was cut. */
  after: Seq.prefault('0'),
});
export type AuditExportQuery = z.infer<typeof AuditExportQuery>;

/** Last line of an export. Without it the export was cut off. */
export const AuditExportTrailer = z.object({
  complete: z.literal(true),
  events: z.int(),
  /** Where the next export goes on. */
  nextAfter: z.int(),
});
export type AuditExportTrailer = z.infer<typeof AuditExportTrailer>;

/** What a call was made with. */
export const AuditPayload = z
  .object({
    eventId: z.string(),
    callId: z.string().nullable(),
    /**
     * `available`: `arguments` holds them. `expired`: erased because the workspace keeps them no longer.
     * `erased`: the person's key was destroyed. `missing`: larger than an event holds, and lost on the way
     * to the store. `none`: this event has no arguments.
     */
    state: z.enum(['available', 'expired', 'erased', 'missing', 'none']),
    detail: z.string(),
    argumentsHash: z.string().nullable(),
    /** What SHA-256 gives `argumentsHash` of, once written as RFC 8785 says. Null unless available. */
    arguments: z.unknown(),
    expiredAt: Timestamp.nullable(),
  })
  .meta({ id: 'AuditPayload' });
export type AuditPayload = z.infer<typeof AuditPayload>;

export const ActivityQuery = z.strictObject({
  /** As the header `Last-Event-ID`, for whoever cannot set it: events after this `seq`. */
  after: Seq.optional(),
});
export type ActivityQuery = z.infer<typeof ActivityQuery>;
