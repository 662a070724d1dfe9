import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDb, migrate } from '@conducktor/db';
import { startPostgres, startRedis, type PostgresRole } from '@conducktor/embedded';

const VARIABLE = 'CONDUCKTOR_TEST_CLUSTER';
const TEMPLATE = 'conducktor_template';
const REDIS_DATABASES = 4096;

/** What a running cluster tells to those who make a database in it. */
interface Coordinates {
  postgresPort: number;
  passwords: Readonly<Record<PostgresRole, string>>;
  redisUrl: string;
  redisDatabase: number;
}

export interface TestCluster {
  /** To be put into the environment of the test workers. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/**
 * One Postgres and one Redis for a whole test run, started when the first test asks for a database,
 * so that a run of pure tests starts none. For vitest's `globalSetup`.
 */
export async function createTestCluster(): Promise<TestCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-test-'));
  let running: ReturnType<typeof startCluster> | undefined;
  let redisDatabase = 0;
  // The path is the password: other users of the machine can reach the port.
  const path = `/${randomBytes(24).toString('base64url')}`;
  const server = createServer((request, response) => {
    if (request.url !== path) return void response.writeHead(404).end();
    running ??= startCluster(dir);
    running.then(
      (cluster) => {
        redisDatabase = (redisDatabase % (REDIS_DATABASES - 1)) + 1;
        response.end(JSON.stringify({ ...cluster.coordinates, redisDatabase }));
      },
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  return {
    env: { [VARIABLE]: `http://127.0.0.1:${port}${path}` },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await (await running?.catch(() => undefined))?.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startCluster(dir: string) {
  const [postgres, redis] = await Promise.all([
    startPostgres({ dir, database: TEMPLATE, fsync: false }),
    startRedis({ dir, databases: REDIS_DATABASES }),
  ]);
  await migrate(postgres.adminUrl);
  const admin = createDb(postgres.adminUrl, { max: 1 });
  for (const statement of postgres.rolePasswords) await admin.pool.query(statement);
  await admin.end();
  const coordinates: Omit<Coordinates, 'redisDatabase'> = {
    postgresPort: postgres.port,
    passwords: postgres.passwords,
    redisUrl: redis.url,
  };
  return {
    coordinates,
    stop: async () => void (await Promise.all([postgres.stop(), redis.stop()])),
  };
}

export interface TestDatabase {
  name: string;
  /** As superuser. */
  adminUrl: string;
  urlFor(role: PostgresRole): string;
  /** A Redis database of its own; channels of publish/subscribe are shared by all. */
  redisUrl: string;
  drop(): Promise<void>;
}

/** A migrated database of one's own, cloned from the template of the run's cluster in about 0.1 s. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const address = process.env[VARIABLE];
  if (!address)
    throw new Error(
      `${VARIABLE} is not set: run tests with vitest from the repository root, or call createTestCluster() first.`,
    );
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The test cluster did not start: ${await answer.text()}`);
  const cluster = (await answer.json()) as Coordinates;
  const url = (role: PostgresRole, database: string) =>
    `postgres://${role}:${cluster.passwords[role]}@127.0.0.1:${cluster.postgresPort}/${database}`;
  const name = `test_${randomBytes(6).toString('hex')}`;
  const asAdmin = async (sql: string) => {
    const db = createDb(url('postgres', 'postgres'), { max: 1, statementTimeoutMs: 60_000 });
    await db.pool.query(sql).finally(() => db.end());
  };
  await asAdmin(`create database ${name} template ${TEMPLATE}`);
  // A clone has the template's content and not its privileges, of which migrations took some away.
  await asAdmin(
    `update pg_database set datacl = (select datacl from pg_database where datname = '${TEMPLATE}') where datname = '${name}'`,
  );
  return {
    name,
    adminUrl: url('postgres', name),
    urlFor: (role) => url(role, name),
    redisUrl: `${cluster.redisUrl}/${cluster.redisDatabase}`,
    drop: () => asAdmin(`drop database if exists ${name} with (force)`),
  };
}
