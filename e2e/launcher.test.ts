// `npm start` as a program: what it leaves behind, how fast it is the second time, what it says when
// it cannot start. Uses an installation of its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortBlock } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CLI,
  conducktor,
  isPrepared,
  startStack,
  statusOf,
  stopStack,
  unitsOf,
  STACK_PORTS,
} from './support/stack.js';
import { eventually } from './support/world.js';

let portBase: number;
let dataDir: string;
beforeAll(async () => {
  portBase = await freePortBlock(STACK_PORTS);
  dataDir = mkdtempSync(join(tmpdir(), 'conducktor-launch-'));
});
afterAll(async () => {
  await stopStack(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
});

test('a taken port is one sentence that names it and a way on', async () => {
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(portBase + 2, '127.0.0.1', resolve));
  const ran = await conducktor(
    ['up', '--detach', '--data', dataDir, '--port-base', String(portBase)],
    { timeoutMs: 60_000 },
  );
  await new Promise((resolve) => squatter.close(resolve));
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain(String(portBase + 2));
  expect(ran.stderr).toContain('--port-base');
  expect(processesOf(dataDir)).toEqual([]);
});

test('starts, stops without a trace, and starts again within 20 s', async () => {
  // What was only late is tried once more.
  if (isPrepared(dataDir)) await stopStack(dataDir);
  const stack = await startStack(dataDir, portBase);
  const status = await statusOf(dataDir);
  expect(status.ready).toBe(true);
  expect(status.urls).toEqual({
    gateway: stack.publicUrl,
    auth: stack.publicUrl,
    control: stack.publicUrl,
  });
  expect(status.demo.apiKey).toMatch(/^ck_/);
  expect((await stopStack(dataDir)).code).toBe(0);
  expect(processesOf(dataDir)).toEqual([]);
  expect((await statusOf(dataDir)).ready).toBe(false);

  const again = performance.now();
  await startStack(dataDir, portBase);
  const seconds = (performance.now() - again) / 1000;
  console.log(`second start: ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(20);
  expect((await statusOf(dataDir)).demo).toEqual(status.demo);
}, 120_000);

test('kill -9 of the supervisor leaves no process', async () => {
  const pids = unitsOf(dataDir).map((unit) => unit.pid!);
  expect(pids.every(isAlive)).toBe(true);
  const { pid } = JSON.parse(readFileSync(join(dataDir, 'run/state.json'), 'utf8')) as {
    pid: number;
  };
  process.kill(pid, 'SIGKILL');
  await eventually(
    'every process has ended',
    async () => !pids.some(isAlive) && processesOf(dataDir).length === 0,
    20_000,
  );
});

test('kill -9 of the launcher leaves no process', async () => {
  rmSync(join(dataDir, 'run/state.json'));
  const up = spawn(
    process.execPath,
    [CLI, 'up', '--data', dataDir, '--port-base', String(portBase)],
    {
      stdio: 'ignore',
    },
  );
  await eventually('the stack is ready', async () => isPrepared(dataDir), 60_000);
  up.kill('SIGKILL');
  await eventually(
    'every process has ended',
    async () => processesOf(dataDir).length === 0,
    20_000,
  );
  expect((await statusOf(dataDir)).ready).toBe(false);
}, 120_000);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Command lines of living processes that name the data directory or have it in their environment. */
function processesOf(dir: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        return command.includes(dir) || environment.includes(dir) ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });
}
