import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';

// The shell leaves a watcher behind and becomes the program, so the program keeps the pid that we
// spawned and its exit status is its own. The watcher holds the other end of our pipe: a line on it
// means that the program has ended; end of file means that we have, and then the whole process group
// is ended too. Node cannot ask Linux for PR_SET_PDEATHSIG, and macOS has no such thing.
const GUARD = `
exec 3<&0 </dev/null
(
  trap '' TERM INT HUP QUIT
  if read -r _ <&3; then exit 0; fi
  kill -s "$1" -- "-$$"
  n=0
  while kill -0 "$$" && [ "$n" -lt "$2" ]; do sleep 0.1; n=$((n + 1)); done
  kill -s KILL -- "-$$"
) >/dev/null 2>&1 4>&- 5>&- &
exec 3<&-
shift 2
exec "$@"
`;

export interface GuardedOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  /** File descriptors for stdout and stderr; both are dropped when left out. */
  stdout?: number | 'pipe';
  stderr?: number | 'pipe';
  /** Asks the program to end, 'TERM' when left out. */
  stopSignal?: 'TERM' | 'INT';
  /** Tenths of a second between asking and SIGKILL after we died; 40 when left out. */
  graceTenths?: number;
}

/** How a program ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Guarded {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Settles once, when the program has ended. */
  readonly exited: Promise<Exit>;
  /** Asks it to end, then kills it and its process group after `timeoutMs`. */
  stop(timeoutMs?: number): Promise<Exit>;
}

/**
 * Starts a program in its own process group that does not outlive this process, not even when this
 * process is killed with SIGKILL: then the group ends within `graceTenths`.
 */
export function spawnGuarded(
  command: string,
  args: string[],
  options: GuardedOptions = {},
): Promise<Guarded> {
  const stopSignal = options.stopSignal ?? 'TERM';
  const stdio: StdioOptions = [
    'pipe',
    options.stdout ?? 'ignore',
    options.stderr ?? options.stdout ?? 'ignore',
  ];
  const child = spawn(
    '/bin/sh',
    ['-c', GUARD, 'guard', stopSignal, String(options.graceTenths ?? 40), command, ...args],
    {
      cwd: options.cwd,
      env: options.env,
      uid: options.uid,
      gid: options.gid,
      detached: true,
      stdio,
    },
  );
  // The watcher may be gone before our last line reaches it.
  child.stdin?.on('error', () => undefined);
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      child.stdin?.end('ended\n');
      resolve({ code, signal });
    });
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      const pid = child.pid as number;
      resolve({
        pid,
        child,
        exited,
        stop: (timeoutMs = 10_000) => stop(pid, stopSignal, exited, timeoutMs),
      });
    });
  });
}

async function stop(
  pid: number,
  signal: 'TERM' | 'INT',
  exited: Promise<Exit>,
  timeoutMs: number,
): Promise<Exit> {
  send(pid, `SIG${signal}`);
  const timer = setTimeout(() => send(-pid, 'SIGKILL'), timeoutMs);
  try {
    return await exited;
  } finally {
    clearTimeout(timer);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
}
