import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ROOT, type Stack } from './stack.js';
import { besideStack } from './beside-stack.js';
import { eventually } from './world.js';

const ROLES = { gateway: 'conducktor_gateway', 'connector-worker': 'conducktor_app' } as const;

/** A further process of a service beside a running stack, which can be restarted as a platform does it. */
export interface OwnService {
  readonly port: number;
  log(): string;
  /** SIGTERM, and a new one on the same port when the old one has ended; resolves when that is ready. */
  restart(): Promise<{ code: number | null; endedMs: number; readyMs: number }>;
  stop(): Promise<void>;
}

export async function startOwnService(
  stack: Stack,
  app: keyof typeof ROLES,
  port: number,
  env: Record<string, string>,
): Promise<OwnService> {
  const ready = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  let log = '';
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, [join(ROOT, 'apps', app, 'dist/main.js')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...besideStack(stack, ROLES[app], port), ...env },
    });
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk) => (log += String(chunk)));
  };
  const whenReady = () =>
    eventually(`${app} is ready`, ready, 60_000).catch((error: Error) => {
      child.kill('SIGKILL');
      throw new Error(`${error.message}: ${log}`);
    });
  await start();
  await whenReady();
  return {
    port,
    log: () => log,
    async restart() {
      const began = performance.now();
      const exited = once(child, 'exit') as Promise<[number | null]>;
      child.kill('SIGTERM');
      const [code] = await exited;
      const endedMs = Math.round(performance.now() - began);
      await start();
      await whenReady();
      return { code, endedMs, readyMs: Math.round(performance.now() - began) };
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
