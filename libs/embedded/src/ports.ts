import { createServer } from 'node:net';
import { EmbeddedError } from './errors.js';

/** A TCP port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  return await listenOnce(0);
}

/**
 * Refuses a port that something else listens on.
 * @throws EmbeddedError that names the port and what needed it.
 */
export async function requireFreePort(port: number, neededBy: string): Promise<void> {
  try {
    await listenOnce(port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'EACCES' ? 'may not be opened by this user' : 'is already in use';
    throw new EmbeddedError(
      `Port ${port}, needed by ${neededBy}, ${why}; stop what uses it, or choose other ports with --port-base N.`,
      { cause: error },
    );
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}
