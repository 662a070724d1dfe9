import type { Db } from '@conducktor/db';
import { counter, dependencyMetrics, gauge, oneLook, type Registry } from '@conducktor/runtime';
import type { Retention } from './retention/retention.js';
import type { Sealer } from './seal/sealer.js';

/** So many of each epoch and kind are counted: beyond that it is a matter of magnitude. */
const COUNTED = 100_000;

interface Lag {
  events: number;
  seconds: number | null;
}

/** How sealing stands: asked of the database when somebody wants to know. */
export function auditMetrics(
  registry: Registry,
  { db, sealer, retention }: { db: Db; sealer: Sealer; retention: Pick<Retention, 'failing'> },
): void {
  const lag = oneLook(() => sealingLag(db));
  gauge({
    registry,
    name: 'conducktor_audit_sealing_lag_seconds',
    help: 'Age of the oldest event without a place in its workspace’s audit sequence; 0 when none waits',
    read: async () => (await lag()).seconds ?? 0,
  });
  gauge({
    registry,
    name: 'conducktor_audit_unsealed_events',
    help: 'Events without a place in their workspace’s audit sequence',
    read: async () => (await lag()).events,
  });
  counter({
    registry,
    name: 'conducktor_audit_sealed_events_total',
    help: 'Events that this process has given their place in the audit sequences',
    read: () => sealer.sealed,
  });
  gauge({
    registry,
    name: 'conducktor_retention_failing_workspaces',
    help: 'Workspaces whose events this process could not export or remove in its last round, so that they and their months are kept',
    read: () => retention.failing.size,
  });
  dependencyMetrics(registry, { postgres: () => db.pool.query('select 1') });
}

async function sealingLag(db: Db): Promise<Lag> {
  const { rows } = await db.pool.query<Lag>(
    'select events::float8 as events, seconds from sealing_lag($1)',
    [COUNTED],
  );
  return rows[0]!;
}
