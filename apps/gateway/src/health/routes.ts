/** `/healthz` and `/health` say that the process runs, `/readyz` whether it can serve calls. */
import { readinessAnswer, type Readiness } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';
import { refuseOtherMethods } from '../own-path.js';

export async function healthRoutes(
  app: FastifyInstance,
  { readiness }: { readiness: Readiness },
): Promise<void> {
  for (const path of ['/healthz', '/health']) {
    app.get(path, (_request, reply) => reply.type('application/json').send('{"status":"ok"}'));
  }
  app.get('/readyz', async (_request, reply) => {
    const { status, body } = await readinessAnswer(readiness);
    return reply.code(status).send(body);
  });
  // Figures have their own port (`startMetricsServer`) and are never forwarded to another service.
  app.get('/metrics', (_request, reply) => reply.code(404).send({ status: 'not found' }));
  for (const path of ['/healthz', '/health', '/readyz', '/metrics']) {
    refuseOtherMethods(app, path, ['GET']);
  }
}
