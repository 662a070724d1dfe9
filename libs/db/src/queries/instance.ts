import { newId } from '@conducktor/contracts';
import type { Db } from '../db.js';

/** The id of this installation, made by whoever asks first. */
export async function instanceId(db: Db): Promise<string> {
  await db.pool.query('insert into instance (id) values ($1) on conflict (only_one) do nothing', [
    newId('ins'),
  ]);
  const { rows } = await db.pool.query<{ id: string }>('select id from instance');
  return rows[0]!.id;
}
