/**
 * Stands above one stdio server where there is no sandbox. It hands its own standard streams to the
 * server and waits on descriptor 3, a pipe that the worker holds: when the worker is gone, even
 * killed, the pipe ends and the whole process group with it.
 */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

const [command, ...args] = process.argv.slice(2);
const child = spawn(command!, args, { stdio: 'inherit' });

function endGroup(): void {
  child.kill('SIGTERM');
  setTimeout(() => {
    try {
      process.kill(-process.pid, 'SIGKILL');
    } finally {
      process.exit(1);
    }
  }, 300);
}

const worker = new Socket({ fd: 3, readable: true, writable: false });
worker.resume();
worker.once('end', endGroup);
worker.once('error', endGroup);

process.once('SIGTERM', () => child.kill('SIGTERM'));
child.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
child.once('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
