import type { Pool, PoolClient } from 'pg';

export interface TakenClient {
  client: PoolClient;
  /** `broken`: it is of no use to anybody any more. One that was lost meanwhile is ended in any case. */
  giveBack(broken?: Error): void;
}

/**
 * A connection of the pool for a transaction. That the database ended it is told between two queries too, and
 * to nobody but listeners: without one it would end the process.
 */
export async function takeClient(pool: Pool): Promise<TakenClient> {
  const client = await pool.connect();
  let lost: Error | undefined;
  const lose = (error: Error) => void (lost = error);
  client.on('error', lose);
  return {
    client,
    giveBack: (broken) => {
      client.release(broken ?? lost);
      client.off('error', lose);
    },
  };
}
