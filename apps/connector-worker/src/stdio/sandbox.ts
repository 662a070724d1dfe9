import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LaunchPlan } from './launch-plan.js';

/** How servers are held: in bubblewrap, or only by a process that ends them with the worker. */
export interface Sandbox {
  /** Undefined when bubblewrap works; else why servers run without it. */
  readonly missing: string | undefined;
  /** What to start so that the plan runs, and what its standard streams are. */
  wrap(plan: LaunchPlan): { command: string; args: string[]; guarded: boolean };
}

const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64'];
const SETTINGS = [
  '/etc/alternatives',
  '/etc/ca-certificates',
  '/etc/group',
  '/etc/hosts',
  '/etc/ld.so.cache',
  '/etc/localtime',
  '/etc/nsswitch.conf',
  '/etc/passwd',
  '/etc/pki',
  '/etc/resolv.conf',
  '/etc/ssl',
];
const PROBE_MS = 5_000;

/**
 * Tries bubblewrap once, in the very form in which it is used: inside some containers it is there
 * but may not make namespaces.
 */
export async function probeSandbox(): Promise<Sandbox> {
  const bwrap = findBwrap();
  if (!bwrap)
    return unsandboxed(
      process.platform === 'linux'
        ? 'bubblewrap is not installed'
        : 'bubblewrap exists on Linux only',
    );
  const trial: LaunchPlan = {
    command: process.execPath,
    args: ['--version'],
    env: {},
    cwd: '/',
    readOnlyPaths: [process.execPath],
    writablePaths: [],
    network: false,
    memoryMb: 64,
  };
  const problem = await run(bwrap, bwrapArgs(trial));
  if (problem !== undefined) return unsandboxed(`bubblewrap does not work here: ${problem}`);
  return {
    missing: undefined,
    wrap: (plan) => ({ command: bwrap, args: bwrapArgs(plan), guarded: false }),
  };
}

/** Without a sandbox a small process stands above the server and ends it when the worker is gone. */
export function unsandboxed(why: string): Sandbox {
  const name = import.meta.url.endsWith('.ts') ? 'guard.ts' : 'guard.js';
  const guard = fileURLToPath(new URL(name, import.meta.url));
  return {
    missing: why,
    wrap: (plan) => ({
      command: process.execPath,
      args: [guard, plan.command, ...plan.args],
      guarded: true,
    }),
  };
}

/** A server sees the system's programs, its own files and what its entry names; no other process, and the network only if named. */
function bwrapArgs(plan: LaunchPlan): string[] {
  return [
    '--unshare-user',
    '--unshare-ipc',
    '--unshare-pid',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(plan.network ? [] : ['--unshare-net']),
    // Dies with the worker, however that dies; cannot type into the operator's terminal.
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    '--uid',
    '1000',
    '--gid',
    '1000',
    ...[...SYSTEM, ...SETTINGS].flatMap((path) => ['--ro-bind-try', path, path]),
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--tmpfs',
    '/tmp',
    '--tmpfs',
    '/run',
    ...plan.readOnlyPaths.flatMap((path) => ['--ro-bind', path, path]),
    ...plan.writablePaths.flatMap((path) => ['--bind', path, path]),
    '--chdir',
    plan.cwd,
    '--',
    plan.command,
    ...plan.args,
  ];
}

function findBwrap(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  return (process.env['PATH'] ?? '/usr/bin')
    .split(':')
    .map((dir) => `${dir}/bwrap`)
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Resolves with undefined when the program ended well, else with its last words. */
function run(command: string, args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: {} });
    let words = '';
    child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-300)));
    const timer = setTimeout(() => child.kill('SIGKILL'), PROBE_MS);
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(
        code === 0 ? undefined : words.trim().split('\n').at(-1) || `it ended with ${String(code)}`,
      );
    });
  });
}
