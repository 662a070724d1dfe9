import { notificationBacklog, type Db } from '@conducktor/db';
import { gauge, oneLook, type Registry } from '@conducktor/runtime';

/** How the outbox of notifications stands, of all workspaces. */
export function notificationMetrics(registry: Registry, db: Db): void {
  const backlog = oneLook(() => notificationBacklog(db));
  gauge({
    registry,
    name: 'conducktor_notification_outbox_messages',
    help: 'Notifications that wait to be sent, or for their next attempt',
    read: async () => (await backlog()).waiting,
  });
  gauge({
    registry,
    name: 'conducktor_notification_outbox_due_seconds',
    help: 'How long the notification that is due longest has waited to be sent; 0 when none is',
    read: async () => (await backlog()).dueSeconds,
  });
  gauge({
    registry,
    name: 'conducktor_notification_dead_letters',
    help: 'Notifications that were given up and that nobody had sent anew',
    read: async () => (await backlog()).dead,
  });
}
