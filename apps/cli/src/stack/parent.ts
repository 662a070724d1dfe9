import { Socket } from 'node:net';

/** Written to the pipe by a parent that goes and leaves its child behind on purpose. */
export const STAY = 'stay\n';

/**
 * Calls `onGone` when the process that started us has ended, however it ended: it holds the other end
 * of the pipe on the descriptor that CONDUCKTOR_PARENT_FD names. Without that variable, never.
 */
export function whenParentEnds(onGone: () => void, env: NodeJS.ProcessEnv = process.env): void {
  const fd = Number(env['CONDUCKTOR_PARENT_FD']);
  if (!Number.isInteger(fd) || fd < 3) return;
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.on('error', () => undefined);
  let left = false;
  pipe.on('data', (chunk: Buffer) => (left ||= chunk.toString().includes(STAY)));
  pipe.once('close', () => {
    if (!left) onGone();
  });
  pipe.unref();
}
