import type { Db } from './db.js';

/**
 * LISTEN on one pooled connection, taken again whenever it is lost. Whoever listens polls too: between
 * two connections nothing is heard. `onNotify` gets the payload. The returned function ends it and must run
 * before `db.end()`.
 */
export function listenTo(
  db: Db,
  channel: string,
  onNotify: (payload: string) => void,
): () => Promise<void> {
  let stopped = false;
  let release: (() => void) | undefined;
  let wake: (() => void) | undefined;
  const run = async () => {
    while (!stopped) {
      try {
        const client = await db.pool.connect();
        await new Promise<void>((resolve) => {
          release = resolve;
          if (stopped) resolve();
          client.on('notification', (told) => {
            if (told.channel === channel) onNotify(told.payload ?? '');
          });
          client.on('error', () => resolve());
          client.on('end', () => resolve());
          client.query(`listen ${client.escapeIdentifier(channel)}`).catch(() => resolve());
        });
        client.release(true);
      } catch {
        // The database is away; tried again below.
      }
      release = undefined;
      if (!stopped) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 1_000).unref();
        });
      }
    }
  };
  const running = run();
  return async () => {
    stopped = true;
    release?.();
    wake?.();
    await running;
  };
}
