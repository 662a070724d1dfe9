import { createOverloadGuard } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';

/** What is forwarded to auth and control at once, streams included. */
const MOST = 1_000;

/** Pages and the REST API share this process with the calls, so they are bounded apart from them. */
export function boundForwarded(app: FastifyInstance): void {
  const guard = createOverloadGuard({ most: MOST });
  app.addHook('onClose', async () => guard.stop());
  app.addHook('onRequest', (_request, reply, done) => {
    if (guard.take(reply.raw)) return done();
    void reply.code(503).header('retry-after', '1').send({
      error: 'temporarily_unavailable',
      error_description: 'Too many requests are under way here. Try again in a moment.',
    });
  });
}
