// The accounts as a state machine beside a model of a few lines: whatever happens to calls, caps and gateways,
// in whatever order, both hold the same.
import { createDb, type Db } from '@conducktor/db';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { command } from './money-commands.js';
import { GATEWAYS, PERIODS, System } from './money-system.js';
import { database, openJournal, prepareJournals } from './support.js';

const SEED = Number(process.env['MONEY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = Number(process.env['MONEY_RUNS'] ?? 30);

prepareJournals();
let app: Db;
beforeAll(() => {
  app = createDb(database.urlFor('conducktor_app'), { max: 2 });
});
afterAll(() => app.end());

test(`accounts hold what a model of them holds, whatever happens (MONEY_SEED=${SEED})`, async () => {
  const gateways = await Promise.all(GATEWAYS.map((name) => openJournal(name)));
  const caps = fc.tuple(...PERIODS.map(() => fc.integer({ min: 0, max: 250 })));
  const history = fc.array(command, { minLength: 5, maxLength: 30, size: 'max' });
  await fc.assert(
    fc.asyncProperty(caps, history, async (limits, commands) => {
      const system = new System(gateways, app);
      await system.open(limits);
      for (const one of commands) {
        await system.step(one);
        await system.compare();
      }
      await system.finish();
    }),
    { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: 30_000, endOnFailure: true },
  );
}, 120_000);
