import { chownSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedError, diskFull } from './errors.js';
import { spawnGuarded, type Exit, type Guarded } from './guard.js';
import { ownedDirectory, placeFor } from './place.js';
import { freePort, requireFreePort } from './ports.js';
import { findRedis } from './redis-files.js';
import { keepSecrets } from './secrets.js';

export interface RedisOptions {
  /** Keeps the password and the append-only file. Made when missing. */
  dir: string;
  /** A free one is taken when left out. */
  port?: number;
  /** Number of databases; 16 when left out. */
  databases?: number;
  /** Redis' own log; `<dir>/redis.log` when left out. */
  logFile?: string;
  onProgress?: (sentence: string) => void;
}

export interface EmbeddedRedis {
  readonly pid: number;
  readonly port: number;
  /** `redis://:password@127.0.0.1:port` */
  readonly url: string;
  readonly exited: Promise<Exit>;
  stop(): Promise<void>;
}

/**
 * Starts a private, append-only Redis (or Valkey) on 127.0.0.1 with a password. It ends with this
 * process, however this process ends.
 * @throws EmbeddedError for a taken port, a full disk, or when no server program can be had.
 */
export async function startRedis(options: RedisOptions): Promise<EmbeddedRedis> {
  const files = await findRedis({ onProgress: options.onProgress });
  const place = placeFor(options.dir);
  const { redis: password } = keepSecrets(join(options.dir, 'redis-password.json'), [
    'redis',
  ] as const);
  const data = ownedDirectory(join(place.home, 'redis'), place);
  const logFile = options.logFile ?? join(options.dir, 'redis.log');
  const port = options.port ?? (await freePort());
  await waitUntilFree(port);

  options.onProgress?.('starting Redis');
  // A file, since a command line can be read by everyone on the machine.
  const config = join(data, 'redis.conf');
  writeFileSync(config, configuration(port, password, data, options.databases ?? 16), {
    mode: 0o600,
  });
  if (place.user) chownSync(config, place.user.uid, place.user.gid);
  const log = openSync(logFile, 'a', 0o600);
  let guarded: Guarded;
  try {
    guarded = await spawnGuarded(files.program, [config], {
      ...place.user,
      cwd: data,
      env: { PATH: process.env.PATH, LC_ALL: 'C', ...files.env },
      stdout: log,
    });
  } finally {
    closeSync(log);
  }
  await ready(guarded, port, password, logFile, options.dir);
  return {
    pid: guarded.pid,
    port,
    url: `redis://:${password}@127.0.0.1:${port}`,
    exited: guarded.exited,
    stop: async () => void (await guarded.stop()),
  };
}

function configuration(port: number, password: string, data: string, databases: number): string {
  return [
    'bind 127.0.0.1',
    'protected-mode yes',
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${data}"`,
    `databases ${databases}`,
    'daemonize no',
    'supervised no',
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    // BullMQ loses jobs under any other policy.
    'maxmemory-policy noeviction',
    'loglevel notice',
    'logfile ""',
    '',
  ].join('\n');
}

// The Redis of a stack that was killed goes within seconds.
async function waitUntilFree(port: number): Promise<void> {
  for (let waited = 0; ; waited += 200) {
    try {
      return await requireFreePort(port, 'Redis');
    } catch (error) {
      if (waited >= 2_000) throw error;
      await sleep(200);
    }
  }
}

async function ready(
  guarded: Guarded,
  port: number,
  password: string,
  logFile: string,
  dir: string,
): Promise<void> {
  let ended: Exit | undefined;
  void guarded.exited.then((exit) => (ended = exit));
  for (let waited = 0; waited < 60_000; waited += 25) {
    // Until its append-only file is read, it answers LOADING.
    if (/\+PONG/.test(await ask(port, `AUTH ${password}\r\nPING\r\n`))) return;
    if (ended) {
      const tail = readFileSync(logFile, 'utf8').split('\n').slice(-20).join('\n').trim();
      throw (
        diskFull(tail, dir) ??
        new EmbeddedError(`Redis did not start: ${tail.split('\n').at(-1)}; see ${logFile}.`)
      );
    }
    await sleep(25);
  }
  await guarded.stop(2_000);
  throw new EmbeddedError(`Redis was not ready within 60 s; see ${logFile}.`);
}

function ask(port: number, commands: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.end(commands));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', () => resolve(''));
    socket.on('close', () => resolve(answer));
  });
}
