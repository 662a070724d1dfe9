import { createOverloadGuard } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';

/** At once; a password takes a core for a tenth of a second, so those behind wait long enough. */
const MOST = 256;

/** Refuses what cannot be served in good time before anything of it is read; probes always pass. */
export function boundRequests(fastify: FastifyInstance): void {
  const guard = createOverloadGuard({ most: MOST });
  fastify.server.maxConnections = 8 * MOST;
  fastify.addHook('onClose', async () => guard.stop());
  fastify.addHook('onRequest', (request, reply, done) => {
    if (/^\/(?:healthz|readyz)$/.test(request.url) || guard.take(reply.raw)) return done();
    void reply.code(503).header('retry-after', '1').send({
      error: 'temporarily_unavailable',
      error_description: 'Too many requests are under way here. Try again in a moment.',
    });
  });
}
