import { createLogger } from '@conducktor/runtime';
import { describe, expect, it } from 'vitest';
import { TICK_STATEMENTS } from '../commit-batch.js';
import { EpochClosing } from '../epoch-closing.js';
import { Epochs } from '../epochs.js';
import { admin, count, database, prepareJournals, until } from './support.js';

const sessions = (and = '') =>
  count(
    `select count(*) n from pg_stat_activity
      where application_name = 'conducktor journal changing' and datname = current_database() ${and}`,
  );

prepareJournals();

describe('the epochs of a gateway', () => {
  it('leave no session open when the current one is lost while the next one waits', async () => {
    const logger = createLogger('test', 'silent');
    const databaseUrl = database.urlFor('conducktor_gateway');
    const closing = new EpochClosing(logger, databaseUrl, () => {});
    const changedWhenLost = Promise.withResolvers<boolean>();
    const epochs: Epochs = new Epochs({
      databaseUrl,
      gateway: 'changing',
      logger,
      closing,
      epochCalls: 1,
      // An outcome that waited for company may begin a tick at this very moment.
      onLost: () => changedWhenLost.resolve(epochs.change()),
    });
    try {
      await epochs.open();
      const first = epochs.current!.epoch;
      epochs.carried(1);
      const prepared = `and state = 'idle' and query like 'prepare ${Object.keys(TICK_STATEMENTS).at(-1)}%'`;
      await until(async () => (await sessions(prepared)) === 2);
      await admin.pool.query(
        `select pg_terminate_backend((select pid from pg_stat_activity
          where application_name = 'conducktor journal changing' and datname = current_database()
          order by backend_start limit 1))`,
      );
      expect(await changedWhenLost.promise).toBe(false);
      await epochs.open();
      const reopened = epochs.current!.epoch;
      expect(reopened).toBeGreaterThan(first);
      expect(epochs.change()).toBe(true);
      await until(async () => (await sessions()) === 1);
      const closed = 'select count(*) n from epoch where id = any($1) and closed_at is not null';
      await until(async () => (await count(closed, [[first, reopened]])) === 2);
    } finally {
      await closing.stop();
      await epochs.end();
    }
  });
});
