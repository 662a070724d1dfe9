/** Ends the HTTP side so that every request that has begun is answered, and nothing else is waited for. */
import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';

const SWEEP_MS = 50;

/**
 * Returns what to call on SIGTERM: no new connections are taken, idle ones are closed, running
 * requests finish. The process's own limit bounds the wait. Call before listening.
 */
export function drainable(app: FastifyInstance, close: () => Promise<void>): () => Promise<void> {
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  return async () => {
    const sweep = () => {
      app.server.closeIdleConnections();
      // A connection that was opened ahead and never used does not count as idle for Node.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    };
    const timer = setInterval(sweep, SWEEP_MS);
    try {
      sweep();
      await close();
    } finally {
      clearInterval(timer);
    }
  };
}
