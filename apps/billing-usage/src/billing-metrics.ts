import type { Db } from '@conducktor/db';
import { counter, dependencyMetrics, gauge, oneLook, type Registry } from '@conducktor/runtime';
import type { Poster } from './post/poster.js';

interface Lag {
  events: number;
  seconds: number | null;
}

/** How money and usage stand: asked of the database when somebody wants to know. */
export function billingMetrics(
  registry: Registry,
  { db, poster }: { db: Db; poster: Poster },
): void {
  const lag = oneLook(() => postingLag(db));
  gauge({
    registry,
    name: 'conducktor_ledger_lag_seconds',
    help: 'Age of the oldest sealed event that is not in the ledger and the usage figures; 0 when none waits',
    read: async () => (await lag()).seconds ?? 0,
  });
  gauge({
    registry,
    name: 'conducktor_ledger_waiting_events',
    help: 'Sealed events that are not in the ledger and the usage figures',
    read: async () => (await lag()).events,
  });
  gauge({
    registry,
    name: 'conducktor_ledger_failing_workspaces',
    help: 'Workspaces that this process could not take into ledger and usage when it last tried',
    read: () => poster.failing,
  });
  counter({
    registry,
    name: 'conducktor_ledger_posted_events_total',
    help: 'Sealed events that this process has taken into the ledger and the usage figures',
    read: () => poster.posted,
  });
  dependencyMetrics(registry, { postgres: () => db.pool.query('select 1') });
}

async function postingLag(db: Db): Promise<Lag> {
  const { rows } = await db.pool.query<Lag>(
    'select events::float8 as events, seconds from posting_lag()',
  );
  return rows[0]!;
}
