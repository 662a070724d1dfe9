/** `/healthz` and `/health` say that the process runs, `/readyz` whether it can serve calls. */
import type { Readiness } from '@conducktor/runtime';
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
    const reason = await whyNotReady(readiness);
    return reason
      ? reply.code(503).send({ status: 'not ready', reason })
      : reply.send({ status: 'ready' });
  });
  // Figures have their own port (`startMetricsServer`) and are never forwarded to another service.
  app.get('/metrics', (_request, reply) => reply.code(404).send({ status: 'not found' }));
  for (const path of ['/healthz', '/health', '/readyz', '/metrics']) {
    refuseOtherMethods(app, path, ['GET']);
  }
}

async function whyNotReady(readiness: Readiness): Promise<string | undefined> {
  try {
    return await readiness();
  } catch {
    return 'The readiness check failed.';
  }
}
