import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { requireRoom } from './errors.js';
import { spawnGuarded, type Exit, type Guarded } from './guard.js';
import { placeFor } from './place.js';
import { freePort, requireFreePort } from './ports.js';
import { createCluster, postgresEnv, requireSameMajor } from './postgres-cluster.js';
import { postgresFiles } from './postgres-files.js';
import { untilReady, waitForPredecessor } from './postmaster.js';
import { keepSecrets } from './secrets.js';

/** The superuser and the login roles that the migrations make. */
export const POSTGRES_ROLES = [
  'postgres',
  'conducktor_app',
  'conducktor_auth',
  'conducktor_gateway',
  'conducktor_audit',
  'conducktor_billing',
] as const;
export type PostgresRole = (typeof POSTGRES_ROLES)[number];

export interface PostgresOptions {
  /** Keeps the passwords and, where possible, the data. Made when missing. */
  dir: string;
  /** A free one is taken when left out. */
  port?: number;
  /** Made at first start; `conducktor` when left out. */
  database?: string;
  /** Only throw-away clusters of tests turn it off. */
  fsync?: boolean;
  /** Postgres' own log; `<dir>/postgres.log` when left out. */
  logFile?: string;
  onProgress?: (sentence: string) => void;
}

export interface EmbeddedPostgres {
  readonly pid: number;
  readonly port: number;
  /** Connects the superuser: migrations and set-up only. */
  readonly adminUrl: string;
  urlFor(role: PostgresRole, database?: string): string;
  /** Passwords by role, for whoever hands URLs on to other processes. */
  readonly passwords: Readonly<Record<PostgresRole, string>>;
  /** SQL that gives the login roles their passwords; to be run as superuser after every migration. */
  readonly rolePasswords: readonly string[];
  readonly exited: Promise<Exit>;
  /** Fast shutdown: open transactions are rolled back. */
  stop(): Promise<void>;
}

/**
 * Starts a private Postgres on 127.0.0.1 with scram passwords, and makes its cluster at first start.
 * It ends with this process, however this process ends.
 * @throws EmbeddedError for a taken port, a cluster of another major version, a full disk.
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const files = postgresFiles();
  const place = placeFor(options.dir);
  const passwords = keepSecrets(join(options.dir, 'postgres-passwords.json'), POSTGRES_ROLES);
  const database = options.database ?? 'conducktor';
  const data = join(place.home, 'postgres');
  const logFile = options.logFile ?? join(options.dir, 'postgres.log');

  requireSameMajor(data, files.major);
  if (!existsSync(join(data, 'PG_VERSION'))) {
    requireRoom(place.home, 200);
    options.onProgress?.('making the database cluster');
    createCluster(files, place, data, passwords.postgres, database, options.fsync ?? true);
  }
  await waitForPredecessor(data);
  const port = options.port ?? (await freePort());
  await requireFreePort(port, 'Postgres');

  options.onProgress?.('starting Postgres');
  const log = openSync(logFile, 'a', 0o600);
  let guarded: Guarded;
  try {
    guarded = await spawnGuarded(
      join(files.bin, 'postgres'),
      ['-D', data, ...settings(port, options.fsync ?? true)],
      {
        ...place.user,
        cwd: data,
        env: postgresEnv(),
        stdout: log,
        stopSignal: 'INT',
      },
    );
  } finally {
    closeSync(log);
  }
  await untilReady(guarded, { data, logFile });
  const urlFor = (role: PostgresRole, name = database) =>
    `postgres://${role}:${passwords[role]}@127.0.0.1:${port}/${name}`;
  return {
    pid: guarded.pid,
    port,
    adminUrl: urlFor('postgres'),
    urlFor,
    passwords,
    rolePasswords: POSTGRES_ROLES.filter((role) => role !== 'postgres').map(
      (role) => `alter role ${role} password '${passwords[role]}'`,
    ),
    exited: guarded.exited,
    stop: async () => void (await guarded.stop()),
  };
}

/** The address of a running cluster for another process that may read its data directory. */
export function embeddedDatabaseUrl(options: {
  dir: string;
  port: number;
  role: PostgresRole;
  database?: string;
}): string {
  const passwords = keepSecrets(join(options.dir, 'postgres-passwords.json'), POSTGRES_ROLES);
  return `postgres://${options.role}:${passwords[options.role]}@127.0.0.1:${options.port}/${options.database ?? 'conducktor'}`;
}

function settings(port: number, fsync: boolean): string[] {
  const values: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    // A socket path has a length limit that a deep data directory breaks, and nothing needs it.
    unix_socket_directories: '',
    fsync: fsync ? 'on' : 'off',
    full_page_writes: fsync ? 'on' : 'off',
    max_connections: 200,
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    password_encryption: 'scram-sha-256',
    log_min_messages: 'warning',
    // Statements can carry what people typed.
    log_min_error_statement: 'panic',
    timezone: 'UTC',
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
