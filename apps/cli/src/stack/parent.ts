import { Socket } from 'node:net';

/** Written to the pipe by a parent that goes and leaves its child behind on purpose. */
export const STAY = 'stay\n';

/** What a parent puts into the environment of a child that is to end with it. */
export function parentVariable(fd: number): NodeJS.ProcessEnv {
  return { CONDUCKTOR_PARENT: `${process.pid}:${fd}` };
}

/**
 * Calls `onGone` when the process that started us has ended, however it ended: it holds the other end
 * of the pipe on the descriptor that CONDUCKTOR_PARENT names. Never, when that variable is missing or
 * was meant for one of our ancestors.
 */
export function whenParentEnds(onGone: () => void, env: NodeJS.ProcessEnv = process.env): void {
  const [parent, fd] = (env['CONDUCKTOR_PARENT'] ?? '').split(':').map(Number);
  if (parent !== process.ppid || !fd) return;
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.on('error', () => undefined);
  let left = false;
  pipe.on('data', (chunk: Buffer) => (left ||= chunk.toString().includes(STAY)));
  pipe.once('close', () => {
    if (!left) onGone();
  });
  pipe.unref();
}
