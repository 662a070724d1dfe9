import { Client } from 'pg';
import { BoundCall } from './bound-call.js';
import { Exchange } from './exchange.js';

/**
 * One direct database session that owns one epoch: it holds the epoch's advisory lock, and when it
 * is gone any gateway may close the epoch.
 */
export interface EpochSession {
  readonly epoch: number;
  /** Runs one prepared statement. Rejects with `lost` set when the session itself is gone. */
  run(name: string, text: string, values: unknown[]): Promise<Record<string, unknown>[]>;
  /**
   * Executes one of the session's own statements, which answers with one column of one row, and resolves
   * with it as text; `write` gives its parameters. Rejects as `run` does. One at a time.
   */
  execute(write: (call: BoundCall) => Buffer): Promise<string | null>;
  readonly lost: boolean;
  end(): Promise<void>;
}

// A tick that takes longer than this is treated as a lost session: its transaction is in doubt.
const TICK_TIMEOUT_MS = 10_000;

/**
 * Connects (no pooler may stand between), opens an epoch, prepares `statements` (SQL by name) and returns
 * the session.
 */
export async function openEpochSession(
  url: string,
  gateway: string,
  onLost: (session: EpochSession) => void,
  statements: Readonly<Record<string, string>> = {},
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
  const call = new BoundCall();
  // An error with an SQLSTATE outside classes 08 and 57P came from a living session whose
  // transaction was rolled back whole; everything else leaves the tick in doubt.
  const failed = (error: unknown) => {
    if (!isRolledBack(error)) lose();
  };
  // A process that stood still meanwhile reads the answer before its timer has run. By now another
  // may have closed the epoch, and what was admitted may have been ended as overdue.
  const lateSince = (startedAt: number) =>
    performance.now() - startedAt > TICK_TIMEOUT_MS
      ? new Error('The answer came after its time: this process stood still.')
      : undefined;
  const session: EpochSession = {
    get epoch() {
      return epoch;
    },
    get lost() {
      return lost;
    },
    run: async (name, text, values) => {
      const startedAt = performance.now();
      try {
        const { rows } = await client.query({ name, text, values });
        const late = lateSince(startedAt);
        if (late) throw late;
        return rows as Record<string, unknown>[];
      } catch (error) {
        failed(error);
        throw error;
      }
    },
    execute: (write) =>
      new Promise((resolve, reject) => {
        const startedAt = performance.now();
        client.query(
          new Exchange(write(call), (error, value) => {
            const failure = error ?? lateSince(startedAt);
            if (!failure) return resolve(value ?? null);
            failed(failure);
            reject(failure);
          }),
        );
      }),
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
    for (const [name, sql] of Object.entries(statements))
      await client.query(`prepare ${name} as ${sql}`);
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
