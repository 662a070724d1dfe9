import { execFileSync } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedError, diskFull, requireRoom } from './errors.js';
import { spawnGuarded, type Exit, type Guarded } from './guard.js';
import { ownedDirectory, placeFor, type Place } from './place.js';
import { freePort, requireFreePort } from './ports.js';
import { postgresFiles, type PostgresFiles } from './postgres-files.js';
import { runningProcess } from './processes.js';
import { keepSecrets } from './secrets.js';

/** The superuser and the login roles that the migrations make. */
export const POSTGRES_ROLES = [
  'postgres',
  'conducktor_app',
  'conducktor_auth',
  'conducktor_gateway',
  'conducktor_audit',
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
  await ready(guarded, data, logFile, options.dir);
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

function postgresEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

function createCluster(
  files: PostgresFiles,
  place: Place,
  data: string,
  password: string,
  database: string,
  fsync: boolean,
): void {
  // What an interrupted first start left behind has no PG_VERSION or is not finished.
  const scratch = mkdtempSync(join(place.home, 'initdb-'));
  ownedDirectory(scratch, place);
  const fresh = join(scratch, 'cluster');
  const passwordFile = join(scratch, 'password');
  const run = (program: string, args: string[], input = '') =>
    execFileSync(join(files.bin, program), args, {
      ...place.user,
      cwd: scratch,
      env: postgresEnv(),
      input,
      stdio: 'pipe',
    });
  try {
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (place.user) chownSync(passwordFile, place.user.uid, place.user.gid);
    run('initdb', [
      '-D',
      fresh,
      '-U',
      'postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
      ...(fsync ? [] : ['--no-sync']),
    ]);
    run('postgres', ['--single', '-D', fresh, 'template1'], `create database "${database}"\n`);
    rmSync(data, { recursive: true, force: true });
    renameSync(fresh, data);
  } catch (error) {
    const stderr = String((error as { stderr?: Buffer }).stderr ?? '');
    throw (
      diskFull(error, place.home) ??
      diskFull(stderr, place.home) ??
      new EmbeddedError(
        `Postgres could not make its data directory in ${place.home}: ${lastLine(stderr) || (error as Error).message}.`,
        { cause: error },
      )
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function requireSameMajor(data: string, major: string): void {
  const path = join(data, 'PG_VERSION');
  const found = existsSync(path) ? readFileSync(path, 'utf8').trim() : major;
  if (found === major) return;
  throw new EmbeddedError(
    `The data in ${data} was written by Postgres ${found}, and this version of Conducktor brings Postgres ${major}; start the version that wrote it, or begin anew with --data DIR.`,
  );
}

// A stack that was killed takes its Postgres along within seconds; its files are free after that.
async function waitForPredecessor(data: string): Promise<void> {
  for (let waited = 0; ; waited += 100) {
    const pid = postmaster(data).pid;
    if (pid === undefined || !runningProcess(pid)?.command.includes('postgres')) return;
    if (waited >= 10_000) {
      throw new EmbeddedError(
        `Another Postgres (process ${pid}) is using ${data}; stop that stack first, or choose another with --data DIR.`,
      );
    }
    await sleep(100);
  }
}

function postmaster(data: string): { pid?: number; status?: string } {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), status: lines[7]?.trim() };
  } catch {
    return {};
  }
}

// As pg_ctl does it: the server writes "ready" into its pid file.
async function ready(guarded: Guarded, data: string, logFile: string, dir: string): Promise<void> {
  let ended: Exit | undefined;
  void guarded.exited.then((exit) => (ended = exit));
  for (let waited = 0; waited < 60_000; waited += 25) {
    const { pid, status } = postmaster(data);
    if (pid === guarded.pid && status === 'ready') return;
    if (ended) {
      const tail = readFileSync(logFile, 'utf8').split('\n').slice(-30).join('\n');
      const reason =
        tail
          .match(/FATAL: +(.*)/g)
          ?.at(-1)
          ?.replace(/^FATAL: +/, '') ?? `exit ${ended.code ?? ended.signal}`;
      throw (
        diskFull(tail, dir) ??
        new EmbeddedError(`Postgres did not start: ${reason}; see ${logFile}.`)
      );
    }
    await sleep(25);
  }
  await guarded.stop(2_000);
  throw new EmbeddedError(`Postgres was not ready within 60 s; see ${logFile}.`);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
