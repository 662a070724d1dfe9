import { ConducktorError } from '@conducktor/contracts';
import { createOverloadGuard } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';
import { sendProblem } from './problem.js';

/** At once, of which 100 may be streams that last. */
const MOST = 512;

/** Refuses what cannot be served in good time before anything of it is read; probes always pass. */
export function boundRequests(fastify: FastifyInstance): void {
  const guard = createOverloadGuard({ most: MOST });
  fastify.server.maxConnections = 8 * MOST;
  fastify.addHook('onClose', async () => guard.stop());
  fastify.addHook('onRequest', (request, reply, done) => {
    if (/^\/(?:healthz|readyz)$/.test(request.url) || guard.take(reply.raw)) return done();
    const problem = new ConducktorError(
      'overloaded',
      'Too many requests are under way here. Try again in a moment.',
      { detail: { retryAfterMs: 1_000 } },
    );
    void sendProblem(reply, problem);
  });
}
