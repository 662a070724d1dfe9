import type { Control } from '../control.js';

export interface Status {
  ok: boolean;
  parts: { name: string; ok: boolean; state: string }[];
}

/** What this service can see of the installation; no names, addresses or versions. */
export async function readStatus({
  db,
  workers,
}: Pick<Control, 'db' | 'workers'>): Promise<Status> {
  const postgres = await db.pool.query('select 1').then(
    () => true,
    () => false,
  );
  const { ready, all } = workers.count();
  const parts = [
    { name: 'Database', ok: postgres, state: postgres ? 'answers' : 'does not answer' },
    { name: 'Connector workers', ok: ready > 0, state: `${ready} of ${all} connected` },
  ];
  return { ok: parts.every(({ ok }) => ok), parts };
}
