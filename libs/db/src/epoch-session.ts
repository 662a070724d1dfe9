import { Client } from 'pg';

/**
 * One direct database session that owns one epoch: it holds the epoch's advisory lock, and when it
 * is gone any gateway may close the epoch.
 */
export interface EpochSession {
  readonly epoch: number;
  /** Runs one prepared statement. Rejects with `lost` set when the session itself is gone. */
  run(name: string, text: string, values: unknown[]): Promise<Record<string, unknown>[]>;
  readonly lost: boolean;
  end(): Promise<void>;
}

// A tick that takes longer than this is treated as a lost session: its transaction is in doubt.
const TICK_TIMEOUT_MS = 10_000;

/** Connects (no pooler may stand between), opens an epoch and returns its session. */
export async function openEpochSession(
  url: string,
  gateway: string,
  onLost: (session: EpochSession) => void,
): Promise<EpochSession> {
  const client = new Client({
    connectionString: url,
    application_name: `conducktor journal ${gateway}`,
    connectionTimeoutMillis: 5_000,
    query_timeout: TICK_TIMEOUT_MS,
    keepAlive: true,
  });
  let lost = false;
  let epoch = 0;
  const lose = () => {
    if (lost) return;
    lost = true;
    // Destroyed, not ended: a half-open session must not keep the epoch's lock by our doing.
    client.end().catch(() => {});
    (
      client as unknown as { connection: { stream: { destroy(): void } } }
    ).connection.stream.destroy();
    onLost(session);
  };
  const session: EpochSession = {
    get epoch() {
      return epoch;
    },
    get lost() {
      return lost;
    },
    run: async (name, text, values) => {
      try {
        return (await client.query({ name, text, values })).rows as Record<string, unknown>[];
      } catch (error) {
        // An error with an SQLSTATE outside classes 08 and 57P came from a living session whose
        // transaction was rolled back whole; everything else leaves the tick in doubt.
        if (!isRolledBack(error)) lose();
        throw error;
      }
    },
    end: async () => {
      if (lost) return;
      lost = true;
      await client.end();
    },
  };
  client.on('error', lose);
  client.on('end', lose);
  try {
    await client.connect();
    const rows = (await client.query('select open_epoch($1) as epoch', [gateway])).rows as {
      epoch: number;
    }[];
    epoch = rows[0]!.epoch;
  } catch (error) {
    // Kept open it would count against the server's connections, and might hold the lock of an epoch
    // that nobody writes to.
    lose();
    throw error;
  }
  if (lost) throw new Error('The database ended the session as soon as its epoch was open.');
  return session;
}

function isRolledBack(error: unknown): boolean {
  const state = (error as { code?: unknown }).code;
  return (
    typeof state === 'string' &&
    /^[0-9A-Z]{5}$/.test(state) &&
    !state.startsWith('08') &&
    !state.startsWith('57P')
  );
}
