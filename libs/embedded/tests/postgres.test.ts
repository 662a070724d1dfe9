import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createDb } from '@conducktor/db';
import { expect, test } from 'vitest';
import { embeddedDatabaseUrl, startPostgres } from '../src/postgres.js';
import { temporaryDirectory } from './temporary.js';

const query = async (url: string, sql: string) => {
  const db = createDb(url, { max: 1 });
  return await db.pool.query(sql).finally(() => db.end());
};

test('data survives a stop, and the second start makes nothing anew', async () => {
  const dir = temporaryDirectory();
  const first = await startPostgres({ dir });
  await query(first.adminUrl, 'create table kept as select 42 as answer');
  expect((await query(first.adminUrl, 'show fsync')).rows).toEqual([{ fsync: 'on' }]);
  await first.stop();

  const sentences: string[] = [];
  const second = await startPostgres({ dir, onProgress: (sentence) => sentences.push(sentence) });
  expect(sentences).toEqual(['starting Postgres']);

  expect((await query(second.adminUrl, 'select answer from kept')).rows).toEqual([{ answer: 42 }]);
  await second.stop();
});

test('it listens on loopback only, asks for the password, and keeps passwords to their owner', async () => {
  const dir = temporaryDirectory();
  const postgres = await startPostgres({ dir, fsync: false });
  expect((await query(postgres.adminUrl, 'show listen_addresses')).rows).toEqual([
    { listen_addresses: '127.0.0.1' },
  ]);
  const wrong = new URL(postgres.adminUrl);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
  expect(statSync(join(dir, 'postgres-passwords.json')).mode & 0o777).toBe(0o600);
  expect(embeddedDatabaseUrl({ dir, port: postgres.port, role: 'postgres' })).toBe(
    postgres.adminUrl,
  );
  await postgres.stop();
});

test('it comes back after a kill -9 with what was committed', async () => {
  const dir = temporaryDirectory();
  const first = await startPostgres({ dir });
  await query(first.adminUrl, 'create table kept as select 7 as answer');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const second = await startPostgres({ dir });
  expect((await query(second.adminUrl, 'select answer from kept')).rows).toEqual([{ answer: 7 }]);
  await second.stop();
});

test('a taken port is named, with the way on', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await expect(startPostgres({ dir: temporaryDirectory(), port, fsync: false })).rejects.toThrow(
    `Port ${port}, needed by Postgres, is already in use; stop what uses it, or choose other ports with --port-base N.`,
  );
  server.close();
});

test('a cluster of another major version is refused and left as it is', async () => {
  const dir = temporaryDirectory();
  mkdirSync(join(dir, 'postgres'));
  writeFileSync(join(dir, 'postgres/PG_VERSION'), '15\n');
  await expect(startPostgres({ dir })).rejects.toThrow(
    /written by Postgres 15, .*brings Postgres \d+; start the version that wrote it, or begin anew with --data DIR\.$/,
  );
  expect(readFileSync(join(dir, 'postgres/PG_VERSION'), 'utf8')).toBe('15\n');
});
