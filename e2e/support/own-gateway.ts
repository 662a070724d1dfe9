import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ROOT, type Stack } from './stack.js';
import { besideStack } from './beside-stack.js';
import { eventually } from './world.js';

/** A further gateway of a running stack: same database, Redis, worker and keys, a port of its own. */
export interface OwnGateway {
  readonly port: number;
  readonly pid: number;
  /** Standard output and error so far. */
  log(): string;
  /** kill -9. */
  kill(): Promise<void>;
}

/** `env` goes over what the stack's own gateway has. */
export async function startOwnGateway(
  stack: Stack,
  env: Record<string, string> = {},
  port?: number,
): Promise<OwnGateway> {
  port ??= await freePort();
  let log = '';
  const child: ChildProcess = spawn(process.execPath, [join(ROOT, 'apps/gateway/dist/main.js')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...besideStack(stack, 'conducktor_gateway', port),
      WORKERS: `127.0.0.1:${stack.portBase + 3}`,
      RATE_LIMIT_PER_MINUTE: '1000000',
      ...env,
    },
  });
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk) => (log += String(chunk)));
  const kill = (): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  await eventually(
    'the gateway is ready',
    () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    60_000,
  ).catch(async (error: Error) => {
    await kill();
    throw new Error(`${error.message}: ${log}`);
  });
  return { port, pid: child.pid!, log: () => log, kill };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
