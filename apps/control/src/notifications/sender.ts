import {
  claimNotifications,
  listenTo,
  pruneNotifications,
  waitingNotificationEvents,
  type ClaimedDelivery,
} from '@conducktor/db';
import { sendDelivery, type SendDeps } from './send-delivery.js';
import { spreadEvent } from './spread-event.js';

export interface NotificationSenderDeps extends SendDeps {
  pollMs?: number;
  /** Longer than an attempt and its notes can last. */
  leaseSeconds?: number;
}

export interface NotificationSender {
  /** Waits for the attempts under way and takes no new ones. */
  stop(): Promise<void>;
}

const AT_ONCE = 16;
/** A workspace with so many attempts under way gets no more: whose receivers never answer holds up nobody else. */
const AT_ONCE_OF_ONE = 4;
const EVENTS = 50;
const PRUNE_EVERY_MS = 3600_000;
const PRUNED_AT_ONCE = 5_000;

/**
 * Tells what is in the outbox until it is stopped. Any number of processes may run one: an event is taken
 * under a lock, a message under a lease. At least once: a process that ends between sending and noting
 * leaves a message that goes again under the same `webhook-id`. In no promised order.
 */
export function startNotificationSender(deps: NotificationSenderDeps): NotificationSender {
  const { db, logger, pollMs = 2_000, leaseSeconds = 60 } = deps;
  const underWay = new Map<Promise<void>, ClaimedDelivery>();
  let stopped = false;
  let told = true;
  let wake: (() => void) | undefined;
  let prunedAt = 0;
  const look = () => {
    told = true;
    wake?.();
  };

  const claim = async () => {
    const limit = Math.min(AT_ONCE_OF_ONE, AT_ONCE - underWay.size);
    if (limit <= 0) return;
    const due = await claimNotifications(db, { limit, leaseSeconds, but: busyTenants() });
    for (const delivery of due) {
      const work = sendDelivery(deps, delivery)
        .catch((error: unknown) =>
          logger.warn(
            { err: error, delivery: delivery.id },
            'A notification could not be sent or noted',
          ),
        )
        .finally(() => {
          underWay.delete(work);
          look();
        });
      underWay.set(work, delivery);
    }
    if (due.length > 0) told = true;
  };
  const busyTenants = () => {
    const counts = new Map<string, number>();
    for (const { tenantId } of underWay.values())
      counts.set(tenantId, (counts.get(tenantId) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= AT_ONCE_OF_ONE).map(([tenantId]) => tenantId);
  };

  const spread = async () => {
    const events = await waitingNotificationEvents(db, EVENTS);
    let failed = 0;
    for (const event of events) {
      if (stopped) return;
      await spreadEvent(deps, event).catch((error: unknown) => {
        failed++;
        logger.warn({ err: error, event: event.id }, 'An event could not be told');
      });
    }
    // There may be more; when none of these could be told, trying at once again would help nobody.
    if (events.length === EVENTS && failed < EVENTS) told = true;
  };

  const prune = async () => {
    if (Date.now() - prunedAt < PRUNE_EVERY_MS) return;
    // As many as there can be: the rest with the next look.
    if ((await pruneNotifications(db, PRUNED_AT_ONCE)) < PRUNED_AT_ONCE) prunedAt = Date.now();
  };

  const run = async () => {
    while (!stopped) {
      told = false;
      try {
        await spread();
        await claim();
        await prune();
      } catch (error) {
        logger.warn({ err: error }, 'The outbox of notifications could not be read or written');
      }
      if (stopped || told) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        timer.unref();
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = undefined;
    }
  };
  const running = run();
  const stopListening = listenTo(db, 'notification', look);
  return {
    async stop() {
      stopped = true;
      wake?.();
      await Promise.all([stopListening(), running]);
      await Promise.all(underWay.keys());
    },
  };
}
