import { z } from 'zod';
import { Instant, PageQuery, Timestamp } from './common.js';

/** One call with its outcome, or one change made on the control plane. */
export const AuditEventView = z
  .object({
    id: z.string(),
    /** Position in the workspace's sequence, from 1, without gaps. */
    seq: z.int(),
    kind: z.enum(['call', 'denial', 'control']),
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
  })
  .meta({ id: 'AuditEvent' });
export type AuditEventView = z.infer<typeof AuditEventView>;

export const AuditQuery = PageQuery.extend({
  since: Instant.optional(),
  until: Instant.optional(),
  /** Member id, e-mail address, or the actor as an event shows it. */
  actor: z.string().max(320).optional(),
  /** Shown name. */
  tool: z.string().max(64).optional(),
  /** `denied`, or how a call ended: `ok`, `error`, `timeout`, `unavailable`, `unknown`, `cancelled`, `not_sent`. */
  outcome: z
    .enum(['denied', 'ok', 'error', 'timeout', 'unavailable', 'unknown', 'cancelled', 'not_sent'])
    .optional(),
  callId: z.string().max(64).optional(),
});
export type AuditQuery = z.infer<typeof AuditQuery>;
