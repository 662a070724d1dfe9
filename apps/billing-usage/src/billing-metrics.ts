import type { Db } from '@conducktor/db';
import { dependencyMetrics, type Registry } from '@conducktor/runtime';

/** How money and usage stand: asked of the database when somebody wants to know. */
export function billingMetrics(registry: Registry, { db }: { db: Db }): void {
  dependencyMetrics(registry, { postgres: () => db.pool.query('select 1') });
}
