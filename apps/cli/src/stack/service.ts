import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { spawnGuarded } from '@conducktor/embedded';
import type { Running, UnitSpec } from './unit.js';

/** It ends by itself before that. */
const KILL_AFTER_SECONDS = 5;
const MAX_LOG_BYTES = 20 * 1024 * 1024;

export interface ServiceSpec {
  name: string;
  /** Arguments of Node: the program and its own. */
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Answers `/healthz` and `/readyz`; a unit without them is ready when the port is open. */
  port: number;
  health: boolean;
  log: string;
}

/** A Node program as a supervised unit. */
export function serviceUnit(spec: ServiceSpec): UnitSpec {
  const url = (path: string) => `http://127.0.0.1:${spec.port}${path}`;
  return {
    name: spec.name,
    port: spec.port,
    log: spec.log,
    start: () => startService(spec),
    notReady: async () =>
      spec.health
        ? notReady(url('/readyz'))
        : (await isOpen(spec.port))
          ? undefined
          : 'its port is closed',
    ...(spec.health ? { alive: () => answers(url('/healthz')) } : {}),
  };
}

async function startService(spec: ServiceSpec): Promise<Running> {
  const log = openLog(spec.log);
  try {
    const env = spec.env;
    const program = await spawnGuarded(process.execPath, spec.args, {
      cwd: spec.cwd,
      env,
      stdout: log,
    });
    const patienceMs = (Number(env['SHUTDOWN_SECONDS'] ?? 0) + KILL_AFTER_SECONDS) * 1000;
    return { ...program, stop: () => program.stop(patienceMs) };
  } finally {
    closeSync(log);
  }
}

/** Opens a log for appending; one that has grown large is kept once under the name `.1`. */
export function openLog(path: string): number {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES)
    renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

async function notReady(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    const text = await response.text();
    if (response.ok) return undefined;
    const { reason } = JSON.parse(text) as { reason?: string };
    return reason ?? `it answered ${response.status}`;
  } catch {
    return 'it does not answer yet';
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(4_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
