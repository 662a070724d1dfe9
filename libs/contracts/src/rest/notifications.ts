import { z } from 'zod';
import { AlertKind } from './alerts.js';
import { idOf, PageQuery, Timestamp } from './common.js';

/** What a channel can be told of. */
export const NotificationKind = z.enum([
  'approval.requested',
  'approval.approved',
  'approval.rejected',
  'approval.expired',
  'approval.void',
  'approval.executed',
  ...AlertKind.options,
]);
export type NotificationKind = z.infer<typeof NotificationKind>;

const Url = z
  .string()
  .max(2048)
  .refine(isPlainHttpUrl, 'must be an http or https address without user, password or fragment');

function isPlainHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.hash
  );
}

/** As Standard Webhooks writes it: `whsec_` and the base64 of 24 to 64 bytes. */
const SigningSecret = z
  .string()
  .regex(
    /^whsec_(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
    'must be "whsec_" and the base64 of 24 to 64 bytes',
  )
  .refine((text) => {
    const bytes = Buffer.from(text.slice('whsec_'.length), 'base64').length;
    return bytes >= 24 && bytes <= 64;
  }, 'must be "whsec_" and the base64 of 24 to 64 bytes');

const common = {
  /** For people; unique in the workspace. */
  name: z.string().trim().min(1).max(60),
  /** Write-only: it may hold a token. */
  url: Url,
  events: z
    .array(NotificationKind)
    .min(1)
    .max(NotificationKind.options.length)
    .transform((kinds) => [...new Set(kinds)]),
  /** Whether messages hold the arguments of the call that waits. */
  showArguments: z.boolean(),
};

const fresh = {
  ...common,
  events: common.events.default([...NotificationKind.options]),
  showArguments: common.showArguments.default(false),
};

export const NewNotificationChannel = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('slack'), ...fresh }),
  z.strictObject({ kind: z.literal('webhook'), ...fresh, secret: SigningSecret }),
]);
export type NewNotificationChannel = z.infer<typeof NewNotificationChannel>;

export const NotificationChannelPatch = z
  .strictObject({ ...common, secret: SigningSecret, enabled: z.boolean() })
  .partial();
export type NotificationChannelPatch = z.infer<typeof NotificationChannelPatch>;

export const NotificationChannelView = z
  .object({
    id: idOf('nch'),
    kind: z.enum(['slack', 'webhook']),
    name: z.string(),
    /** Host of the address; the rest of it is not shown. */
    host: z.string(),
    events: z.array(NotificationKind),
    showArguments: z.boolean(),
    enabled: z.boolean(),
    createdAt: Timestamp,
  })
  .meta({ id: 'NotificationChannel' });
export type NotificationChannelView = z.infer<typeof NotificationChannelView>;

/** What became of one attempt, made while the request waits. */
export const NotificationTested = z.object({
  delivered: z.boolean(),
  reason: z.string().optional(),
});
export type NotificationTested = z.infer<typeof NotificationTested>;

export const NotificationState = z.enum(['pending', 'sent', 'dead']);
export type NotificationState = z.infer<typeof NotificationState>;

export const NotificationDeliveryQuery = PageQuery.extend({ state: NotificationState.optional() });
export type NotificationDeliveryQuery = z.infer<typeof NotificationDeliveryQuery>;

export const NotificationDeliveryView = z
  .object({
    id: idOf('ndl'),
    /** The same for every attempt: `webhook-id`. */
    eventId: idOf('ntf'),
    kind: z.string(),
    /** What it is about: an approval request or an alert. */
    subjectId: z.string(),
    channelId: idOf('nch'),
    state: NotificationState,
    attempts: z.int(),
    /** Of the last attempt that failed. */
    reason: z.string().nullable(),
    nextAttemptAt: Timestamp.nullable(),
    createdAt: Timestamp,
    endedAt: Timestamp.nullable(),
  })
  .meta({ id: 'NotificationDelivery' });
export type NotificationDeliveryView = z.infer<typeof NotificationDeliveryView>;
