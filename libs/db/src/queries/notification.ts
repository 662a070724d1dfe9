import type { Db, TenantTx } from '../db.js';

/** An event that people are to be told of. */
export interface NotificationEventRow {
  id: string;
  kind: string;
  subjectId: string;
  detail: Record<string, string>;
  at: Date;
}

/** A message that this process may send until its lease is over. */
export interface ClaimedDelivery {
  tenantId: string;
  id: string;
  /** How often it was claimed, this time included; says whose lease it is. */
  attempts: number;
}

/** All that an attempt needs. */
export interface DeliveryRow extends NotificationEventRow {
  channelId: string;
  channelKind: 'slack' | 'webhook';
  channelName: string;
  sealed: Buffer;
  showArguments: boolean;
  isDisabled: boolean;
  /** Attempts since the message was made, or since somebody had it sent anew. */
  tried: number;
}

/** Events of all workspaces that became no messages yet, oldest first. */
export async function waitingNotificationEvents(
  db: Db,
  limit: number,
): Promise<{ tenantId: string; id: string }[]> {
  const { rows } = await db.pool.query<{ tenantId: string; id: string }>(
    'select tenant_id as "tenantId", id from waiting_notification_events($1)',
    [limit],
  );
  return rows;
}

/**
 * Marks the event as spread and returns it, once: nothing for whoever comes while or after another does
 * so. It is undone with the transaction, in which letters and deliveries are written.
 */
export async function takeNotificationEvent(
  tx: TenantTx,
  id: string,
): Promise<NotificationEventRow | undefined> {
  const { rows } = await tx.query<NotificationEventRow>(
    `update notification_event set spread_at = now()
      where (tenant_id, id) in (
        select tenant_id, id from notification_event
         where tenant_id = $1 and id = $2 and spread_at is null for update skip locked)
     returning id, kind, subject_id as "subjectId", detail, created_at as at`,
    [tx.tenantId, id],
  );
  return rows[0];
}

/** Channels that want events of this kind. */
export async function channelsFor(tx: TenantTx, kind: string): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from notification_channel
      where tenant_id = $1 and disabled_at is null and $2 = any (events) order by id`,
    [tx.tenantId, kind],
  );
  return rows.map(({ id }) => id);
}

export async function insertDelivery(
  tx: TenantTx,
  delivery: { id: string; eventId: string; channelId: string },
): Promise<void> {
  await tx.query(
    `insert into notification_delivery (tenant_id, id, event_id, channel_id) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [tx.tenantId, delivery.id, delivery.eventId, delivery.channelId],
  );
}

/** Takes up to `limit` messages that are due, of workspaces not in `but`, for `leaseSeconds`. */
export async function claimNotifications(
  db: Db,
  { limit, leaseSeconds, but }: { limit: number; leaseSeconds: number; but: string[] },
): Promise<ClaimedDelivery[]> {
  const { rows } = await db.pool.query<ClaimedDelivery>(
    'select tenant_id as "tenantId", id, attempts from claim_notifications($1, $2, $3)',
    [limit, leaseSeconds, but],
  );
  return rows;
}

export async function findDelivery(tx: TenantTx, id: string): Promise<DeliveryRow | undefined> {
  const { rows } = await tx.query<DeliveryRow>(
    `select e.id, e.kind, e.subject_id as "subjectId", e.detail, e.created_at as at,
            c.id as "channelId", c.kind as "channelKind", c.name as "channelName", c.sealed,
            c.show_arguments as "showArguments", c.disabled_at is not null as "isDisabled",
            d.attempts - d.attempts_before as tried
       from notification_delivery d
       join notification_event e on e.tenant_id = d.tenant_id and e.id = d.event_id
       join notification_channel c on c.tenant_id = d.tenant_id and c.id = d.channel_id
      where d.tenant_id = $1 and d.id = $2`,
    [tx.tenantId, id],
  );
  return rows[0];
}

// Whoever lost the lease meanwhile changes nothing: the number of the attempt is not theirs any more.
const OWN = `tenant_id = $1 and id = $2 and attempts = $3 and state = 'pending'`;

export async function markDelivered(tx: TenantTx, claim: ClaimedDelivery): Promise<void> {
  await tx.query(
    `update notification_delivery set state = 'sent', ended_at = now(), last_error = null where ${OWN}`,
    [tx.tenantId, claim.id, claim.attempts],
  );
}

/** It is due again in `seconds`. */
export async function postponeDelivery(
  tx: TenantTx,
  claim: ClaimedDelivery,
  { seconds, reason }: { seconds: number; reason: string },
): Promise<void> {
  await tx.query(
    `update notification_delivery
        set next_at = now() + make_interval(secs => $4), last_error = $5 where ${OWN}`,
    [tx.tenantId, claim.id, claim.attempts, seconds, reason],
  );
}

/** A dead letter. False when the lease was lost, so that it is recorded once. */
export async function buryDelivery(
  tx: TenantTx,
  claim: ClaimedDelivery,
  reason: string,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update notification_delivery set state = 'dead', ended_at = now(), last_error = $4 where ${OWN}`,
    [tx.tenantId, claim.id, claim.attempts, reason],
  );
  return rowCount === 1;
}

/** How many messages wait, for how many seconds the one that is due longest has, and how many are given up. */
export async function notificationBacklog(
  db: Db,
): Promise<{ waiting: number; dueSeconds: number; dead: number }> {
  const { rows } = await db.pool.query<{ waiting: number; dueSeconds: number; dead: number }>(
    `select waiting::int as waiting, due_seconds as "dueSeconds", dead::int as dead
       from notification_backlog()`,
  );
  return rows[0]!;
}

/** Deletes up to `limit` events of 90 days ago with their messages; returns how many. */
export async function pruneNotifications(db: Db, limit: number): Promise<number> {
  const { rows } = await db.pool.query<{ gone: number }>('select prune_notifications($1) as gone', [
    limit,
  ]);
  return rows[0]!.gone;
}

/** Where letters to these members go; who never showed that their address is theirs is left out. */
export async function letterAddresses(tx: TenantTx, memberIds: string[]): Promise<string[]> {
  const { rows } = await tx.query<{ address: string }>(
    'select address from letter_addresses($1, $2) order by member_id',
    [tx.tenantId, memberIds],
  );
  return rows.map(({ address }) => address);
}
