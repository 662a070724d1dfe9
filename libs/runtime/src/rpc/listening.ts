import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import type { RpcAddress } from './address.js';

/** Resolves once listening; rejects when somebody else listens there. */
export async function listenOn(server: Server, address: RpcAddress): Promise<void> {
  try {
    await listening(server, address);
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!('path' in address) || !isTaken || !(await isLeftBehind(address.path))) throw error;
    // A process that was killed leaves its socket behind, and nobody can listen there until it is gone.
    await unlink(address.path);
    await listening(server, address);
  }
  // Who connects must prove himself as over TCP; other users of the machine need not even try.
  if ('path' in address) await chmod(address.path, 0o600);
}

function listening(server: Server, address: RpcAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether it is a socket at which nobody listens; one who is only too busy to be connected to does. */
async function isLeftBehind(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}
