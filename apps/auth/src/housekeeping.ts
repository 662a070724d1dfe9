import {
  pruneAttempts,
  pruneBrowserSessions,
  pruneMail,
  pruneMailedLinks,
  pruneOidcPayloads,
  type Db,
} from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';

const EVERY_MS = 60_000;
const BATCH = 500;
const BATCHES = 20;

/** Deletes what has expired, in small batches, so that no statement holds many rows for long. */
export async function prune(db: Db): Promise<number> {
  let deleted = 0;
  for (const pruneBatch of [
    pruneOidcPayloads,
    pruneAttempts,
    pruneBrowserSessions,
    pruneMail,
    pruneMailedLinks,
  ]) {
    for (let batch = 0; batch < BATCHES; batch++) {
      const found = await pruneBatch(db, BATCH);
      deleted += found;
      if (found < BATCH) break;
    }
  }
  return deleted;
}

/** Prunes every minute until the returned function is called. */
export function startHousekeeping(deps: { db: Db; logger: Logger }): () => void {
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    prune(deps.db)
      .catch((error: unknown) =>
        deps.logger.warn({ err: error }, 'Expired rows could not be deleted'),
      )
      .finally(() => (running = false));
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
