import { AlertKind } from '@conducktor/contracts';
import { z } from 'zod';

const approval = {
  /** The approval request: `apr_…`. */
  subjectId: z.string().regex(/^apr_[0-9A-Za-z]{22}$/),
};
/** E-mail address of whoever decided. */
const by = z.string().max(320);

/**
 * What people are told of. Of an approval everything that stands is read when the message is made;
 * `detail` holds what only the moment knows. An alert says all of it itself. Another family adds its
 * kinds here and to `NotificationKind` of the contracts.
 */
export const NotificationEvent = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('approval.requested'), ...approval }),
  z.strictObject({
    kind: z.literal('approval.approved'),
    ...approval,
    detail: z.strictObject({ by: by.optional(), reason: z.string().max(2_000).optional() }),
  }),
  z.strictObject({
    kind: z.literal('approval.rejected'),
    ...approval,
    detail: z.strictObject({ by: by.optional(), reason: z.string().max(2_000).optional() }),
  }),
  z.strictObject({ kind: z.literal('approval.expired'), ...approval }),
  z.strictObject({
    kind: z.literal('approval.void'),
    ...approval,
    /** A sentence of ours: what has changed, or that it was taken back. */
    detail: z.strictObject({ reason: z.string().max(2_000).optional() }),
  }),
  z.strictObject({
    kind: z.literal('approval.executed'),
    ...approval,
    /** How the call ended, as its audit event says. */
    detail: z.strictObject({ outcome: z.string().max(40), callId: z.string().max(40).optional() }),
  }),
  z.strictObject({
    kind: AlertKind,
    /** The alert: `alr_…`. */
    subjectId: z.string().regex(/^alr_[0-9A-Za-z]{22}$/),
  }),
]);
export type NotificationEvent = z.infer<typeof NotificationEvent>;
export type NotificationEventKind = NotificationEvent['kind'];

/** What approvals are told of. */
export type ApprovalEventKind = Exclude<NotificationEventKind, AlertKind>;
