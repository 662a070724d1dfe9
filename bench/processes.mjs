import { fork } from 'node:child_process';
import { join } from 'node:path';

/** A script of this folder in its own process; resolves at its first message. It ends when we do. */
export async function startScript(name, args = [], nodeArgs = []) {
  const child = fork(join(import.meta.dirname, name), args, {
    execArgv: nodeArgs,
    serialization: 'advanced',
  });
  await new Promise((done, failed) => {
    child.once('message', done);
    child.once('exit', (code) => failed(new Error(`${name} ended with ${code}`)));
  });
  return {
    ask: (message) =>
      new Promise((done, failed) => {
        const lost = (code) => failed(new Error(`${name} ended with ${code}`));
        child.once('exit', lost);
        child.once('message', (answer) => {
          child.off('exit', lost);
          done(answer);
        });
        child.send(message);
      }),
    stop: () =>
      new Promise((done) => {
        if (child.exitCode !== null || child.signalCode !== null) return done();
        child.once('exit', done);
        child.kill('SIGTERM');
      }),
  };
}
