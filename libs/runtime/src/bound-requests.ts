import type { FastifyInstance, FastifyReply } from 'fastify';
import { createOverloadGuard } from './overload-guard.js';

/**
 * Refuses what a service for people cannot serve in good time, before anything of it is read: `turnAway`
 * answers it. Probes always pass.
 */
export function boundRequests(
  fastify: FastifyInstance,
  { most, turnAway }: { most: number; turnAway: (reply: FastifyReply) => void },
): void {
  const guard = createOverloadGuard({ most });
  fastify.addHook('onClose', async () => guard.stop());
  fastify.addHook('onRequest', (request, reply, done) => {
    if (/^\/(?:healthz|readyz)$/.test(request.url) || guard.take(reply.raw)) return done();
    turnAway(reply);
  });
}

/** As an OAuth error (RFC 6749, section 4.1.2.1), which pages and clients of both kinds can read. */
export function turnAwayForNow(reply: FastifyReply): void {
  void reply.code(503).header('retry-after', '1').send({
    error: 'temporarily_unavailable',
    error_description: 'Too many requests are under way here. Try again in a moment.',
  });
}
