import type { FastifyInstance } from 'fastify';

/**
 * Ends connections without a request yet when the service closes. Node takes them for busy, and browsers
 * and proxies open some ahead: each would keep the service from ending for as long as a request may take.
 */
export function endUnusedConnections(fastify: FastifyInstance): void {
  const unused = new Set<{ destroy(): unknown }>();
  fastify.server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  fastify.server.on('request', ({ socket }) => unused.delete(socket));
  fastify.addHook('preClose', async () => unused.forEach((socket) => socket.destroy()));
}
