// A service that starts before its database, and before its migrations: it answers probes, says once what it
// waits for, and goes on by itself.
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { createTestDatabase } from '@conducktor/testing';
import type { Logger } from '@conducktor/runtime';
import { expect, test } from 'vitest';
import { createDb } from '../db.js';
import { databaseReadiness, waitForDatabase } from '../database-readiness.js';

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

test('it waits for the last migration, says so once, and is alive and not ready meanwhile', async () => {
  const database = await createTestDatabase();
  const admin = createDb(database.adminUrl, { max: 1 });
  const newest = '(select max(version) from schema_migrations)';
  const { rows } = await admin.pool.query(
    `delete from schema_migrations where version = ${newest} returning version`,
  );
  const said: string[] = [];
  const logger = {
    warn: (_details: unknown, text: string) => said.push(text),
    info: () => {},
  } as unknown as Logger;
  const PORT = await freePort();
  let started = false;
  const waiting = waitForDatabase(
    { DATABASE_URL: database.urlFor('conducktor_gateway'), HOST: '127.0.0.1', PORT },
    logger,
  ).then(() => (started = true));
  const at = (path: string) => fetch(`http://127.0.0.1:${PORT}${path}`);
  await expect
    .poll(() => at('/healthz').then((answer) => answer.text(), String))
    .toBe('{"status":"ok"}');
  const ready = await at('/readyz');
  expect([ready.status, await ready.json()]).toMatchObject([
    503,
    { missing: [{ dependency: 'migrations', reason: expect.stringContaining('not migrated') }] },
  ]);
  const early = await at('/mcp');
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1']);
  // Two more looks, which say nothing new.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect([started, said]).toEqual([false, [expect.stringContaining('Waiting to start.')]]);

  await admin.pool.query('insert into schema_migrations (version) values ($1)', [rows[0].version]);
  await waiting;
  await admin.end();
  await database.drop();
});

test('one slow answer changes nothing, a second one and a refusal do', async () => {
  const answers: ('slow' | 'refused' | 'answered')[] = [];
  const pool = {
    query: () => {
      const answer = answers.shift();
      if (answer === 'slow') return new Promise(() => {});
      return answer === 'refused' ? Promise.reject(new Error('refused')) : Promise.resolve();
    },
  };
  const readiness = databaseReadiness({ pool } as never, 10);
  answers.push('answered', 'slow', 'answered', 'slow', 'slow', 'answered', 'refused');
  const seen: number[] = [];
  while (answers.length > 0) seen.push((await readiness()).length);
  expect(seen).toEqual([0, 0, 0, 0, 1, 0, 1]);
});
