import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type SeededWorkspace } from '@conducktor/testing';
import { AlertWatch } from '../alert-watch.js';

/** An alert as it is kept, with whether people get a message. */
export interface GivenAlert {
  id: string;
  kind: string;
  subject: string;
  key: string;
  told: boolean;
  ended: boolean;
  detail: Record<string, unknown>;
  messages: number;
}

export interface AlertHarness {
  admin: Db;
  watch: AlertWatch;
  urlFor(role: 'conducktor_app' | 'conducktor_billing'): string;
  /** A watch of its own, with connections of its own, as another process or one that was started anew has. */
  another(): AlertWatch;
  seed(): Promise<SeededWorkspace>;
  /** Oldest first. */
  alerts(tenantId: string): Promise<GivenAlert[]>;
  stop(): Promise<void>;
}

export async function startAlerts(): Promise<AlertHarness> {
  const database = await createTestDatabase();
  const admin = createDb(database.adminUrl, { max: 3 });
  const pools: Db[] = [];
  const another = () => {
    const db = createDb(database.urlFor('conducktor_billing'), { max: 2 });
    pools.push(db);
    return new AlertWatch({ db, logger: createLogger('test', 'silent') });
  };
  return {
    admin,
    watch: another(),
    urlFor: (role) => database.urlFor(role),
    another,
    seed: () => seedWorkspace(admin),
    alerts: async (tenantId) =>
      (
        await admin.pool.query<GivenAlert>(
          `select a.id, a.kind, a.subject_id as subject, a.key, a.told, a.ended_at is not null as ended, a.detail,
                  (select count(*)::int from notification_event e
                    where e.tenant_id = a.tenant_id and e.kind = a.kind and e.subject_id = a.id) as messages
             from alert a where a.tenant_id = $1 order by a.at, (a.detail ->> 'threshold')::int, a.id`,
          [tenantId],
        )
      ).rows,
    stop: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await admin.end();
      await database.drop();
    },
  };
}

/** A fixed zone in which it is this hour of the day now: time is moved by where the workspace is. */
export function zoneAt(hour: number): string {
  const east = (hour - new Date().getUTCHours() + 24) % 24;
  // Names of POSIX: what is east of Greenwich has a minus.
  return east <= 14 ? `Etc/GMT-${east}` : `Etc/GMT+${24 - east}`;
}
