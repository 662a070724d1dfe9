import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');
/** How many ports a stack uses, from its base on. */
export const STACK_PORTS = 17;
export const CLI = join(ROOT, 'apps/cli/dist/main.js');

/** What `status --json` prints. */
export interface Status {
  ready: boolean;
  urls: { gateway: string; auth: string; control: string };
  services: {
    name: string;
    ready: boolean;
    status: string;
    pid: number | null;
    port: number;
    restarts: number;
    log: string;
  }[];
  demo: { workspace: string; email: string; password: string; apiKey: string };
}

/** A running installation. */
export interface Stack {
  dataDir: string;
  portBase: number;
  publicUrl: string;
  demo: Status['demo'];
  /** Of the superuser, for seeding and for looking at rows no service may see. */
  adminUrl: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    stack: Stack;
    /** Where the stack's traces and metrics go: a receiver of ours. */
    collector: string;
  }
}

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a verb of the command line (`up`, `down`, `status`) to its end. */
export function conducktor(
  args: string[],
  options: { timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  if (!existsSync(CLI)) throw new Error(`${CLI} is not built; run \`npm run build\`.`);
  return new Promise((done) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: ROOT,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 120_000,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.on('close', (code) => done({ code: code ?? -1, stdout, stderr }));
  });
}

/** Starts an installation and returns when it is ready to serve; `env` is what its operator set. */
export async function startStack(
  dataDir: string,
  portBase: number,
  env: Record<string, string> = {},
): Promise<Stack> {
  const up = await conducktor(
    ['up', '--detach', '--data', dataDir, '--port-base', String(portBase)],
    // Workspaces of tests use the profile `host`, so that only tests of limits meet one.
    { timeoutMs: 180_000, env: { RATE_LIMIT_PER_MINUTE: '1000000', ...env } },
  );
  if (up.code !== 0) throw new Error(`The stack did not start:\n${up.stdout}\n${up.stderr}`);
  const { urls, demo } = await statusOf(dataDir);
  return {
    dataDir,
    portBase,
    publicUrl: urls.gateway,
    demo,
    adminUrl: adminUrl(dataDir, portBase),
  };
}

export async function statusOf(dataDir: string): Promise<Status> {
  const ran = await conducktor(['status', '--json', '--data', dataDir]);
  try {
    return JSON.parse(ran.stdout) as Status;
  } catch {
    throw new Error(`status --json printed no JSON (${ran.code}):\n${ran.stdout}\n${ran.stderr}`);
  }
}

/** The units as the supervisor last wrote them down; much cheaper than a process for each look. */
export function unitsOf(dataDir: string): Status['services'] {
  const file = join(dataDir, 'run/state.json');
  const { services } = JSON.parse(readFileSync(file, 'utf8')) as { services: Status['services'] };
  return services;
}

/** Whether the supervisor has brought everything up; false too while it has not written anything. */
export function isPrepared(dataDir: string): boolean {
  try {
    const state = JSON.parse(readFileSync(join(dataDir, 'run/state.json'), 'utf8')) as {
      prepared: boolean;
    };
    return state.prepared;
  } catch {
    return false;
  }
}

export async function stopStack(dataDir: string): Promise<Ran> {
  return await conducktor(['down', '--data', dataDir], { timeoutMs: 60_000 });
}

function adminUrl(dataDir: string, portBase: number): string {
  const file = join(dataDir, 'postgres-passwords.json');
  const { postgres } = JSON.parse(readFileSync(file, 'utf8')) as { postgres: string };
  return `postgres://postgres:${postgres}@127.0.0.1:${portBase + 10}/conducktor`;
}
