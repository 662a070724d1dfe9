import { spawn } from 'node:child_process';
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
      CONDUCKTOR_PARENT_FD: '3',
      ...env,
    },
  });
  child.stdio[3]?.on('error', () => undefined);
  // A terminal sends Ctrl-C to both of us; the program decides when it is done.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const watch = watchNpm(() => process.exit(1));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

// npm passes signals on, but nobody does that for SIGKILL: then our parent changes.
function watchNpm(onGone) {
  const parent = process.ppid;
  if (!process.env.npm_lifecycle_event) return undefined;
  return setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, 500).unref();
}
