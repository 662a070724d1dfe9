import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname } from 'node:path';

/**
 * Hands the terminal over to a program and resolves with its exit status. Descriptor 3 of the program
 * is a pipe that we hold: when it ends, we are gone, and the program ends too.
 */
export function runProgram(node, args, { cwd, env = {} }) {
  const child = spawn(node, args, {
    cwd,
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: {
      ...process.env,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
      CONDUCKTOR_PARENT: `${process.pid}:3`,
      ...env,
    },
  });
  child.stdio[3]?.on('error', () => undefined);
  // A terminal sends Ctrl-C to both of us; the program decides when it is done.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const watch = watchNpm(() => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

// npm passes signals on, but nobody does that for SIGKILL: then a parent changes. npm starts scripts
// through a shell, which may stay between npm and us.
function watchNpm(onGone) {
  if (!process.env.npm_lifecycle_event) return undefined;
  const parent = process.ppid;
  const known = describe(parent);
  const throughShell = known !== undefined && /^\S*sh -c /.test(known.command);
  const gone = () => {
    if (process.ppid !== parent) return true;
    // What could not be read says nothing.
    const now = throughShell ? describe(parent) : undefined;
    return now !== undefined && now.parent !== known.parent;
  };
  const watch = setInterval(
    () => {
      if (!gone()) return;
      clearInterval(watch);
      onGone();
    },
    process.platform === 'linux' ? 500 : 2000,
  );
  return watch.unref();
}

function describe(pid) {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
      // The name in brackets may hold blanks; the parent is the second field after it.
      return { parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]), command };
    }
    const line = execFileSync('ps', ['-o', 'ppid=,command=', '-p', String(pid)], {
      encoding: 'utf8',
    });
    const [, parent, command] = /^\s*(\d+)\s+(.*)/.exec(line) ?? [];
    return { parent: Number(parent), command: command ?? '' };
  } catch {
    return undefined;
  }
}
