/**
 * `/healthz`, `/health`, `/readyz` for probes, `/metrics` for a scraper on this machine.
 *
 * Metrics are not for the outside: they answer only a loopback peer that addressed us by a loopback
 * name and came through no proxy. Anyone else meets the same 404 as for an unknown path.
 */
import type { Readiness } from '@conducktor/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OriginRules } from '../mcp/origins.js';

export interface HealthOptions {
  origins: OriginRules;
  readiness: Readiness;
  /** In the Prometheus text format. */
  metrics(): Promise<string>;
}

export async function healthRoutes(app: FastifyInstance, options: HealthOptions): Promise<void> {
  for (const path of ['/healthz', '/health']) {
    app.get(path, (_request, reply) => reply.type('application/json').send('{"status":"ok"}'));
  }
  app.get('/readyz', async (_request, reply) => {
    const reason = await whyNotReady(options.readiness);
    return reason
      ? reply.code(503).send({ status: 'not ready', reason })
      : reply.send({ status: 'ready' });
  });
  app.get('/metrics', async (request, reply) => {
    if (!isLocal(request, options.origins)) return reply.code(404).send({ status: 'not found' });
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await options.metrics());
  });
}

async function whyNotReady(readiness: Readiness): Promise<string | undefined> {
  try {
    return await readiness();
  } catch {
    return 'The readiness check failed.';
  }
}

function isLocal(request: FastifyRequest, origins: OriginRules): boolean {
  const peer = request.raw.socket.remoteAddress ?? '';
  const proxied = Object.keys(request.headers).some(
    (name) => name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'via',
  );
  const loopback = peer === '::1' || /^(?:::ffff:)?127\./.test(peer);
  return loopback && !proxied && origins.isLoopbackHost(request.headers.host);
}
