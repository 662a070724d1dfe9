import 'reflect-metadata';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { mountAlertPage } from './alerts/page.js';
import { mountApprovalPage } from './approvals/page/routes.js';
import { mountSecretPage } from './connections/secret-page/routes.js';
import { ControlModule } from './app.module.js';
import type { Control } from './control.js';
import { boundRequests } from './http/bound-requests.js';
import { BODY_LIMIT, mount } from './http/mount.js';
import { sendProblem } from './http/problem.js';
import { securityHeaders } from './http/security-headers.js';
import { serveCards } from './pages/card-routes.js';
import { allRoutes } from './routes.js';

/** The control service, wired and not yet listening. */
export async function createApp(
  control: Control,
  observe?: (fastify: FastifyInstance) => void,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    // The longest is a client's id, which may be an address.
    routerOptions: { maxParamLength: 2_500 },
    skipMiddie: true,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    // What comes over a connection that stands is answered, and closes it.
    return503OnClosing: false,
    // What the router itself refuses, such as a path with broken escapes.
    frameworkErrors: (error: Error, _request: unknown, reply: FastifyReply) =>
      void sendProblem(reply.headers(securityHeaders(control.publicUrl)), error),
    // Forwarding headers are believed from the same machine and the cluster network only.
    trustProxy: 'loopback, linklocal, uniquelocal',
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    ControlModule.with(control),
    adapter,
    {
      bodyParser: false,
      logger: ['error', 'warn'],
    },
  );
  const fastify = app.getHttpAdapter().getInstance();
  // Hooks hold for what is registered after them.
  observe?.(fastify);
  // On all there is, because methods that the router does not know never reach a scope.
  const headers = Object.entries(securityHeaders(control.publicUrl));
  fastify.addHook('onSend', async (_request, reply) => {
    for (const [name, value] of headers) if (!reply.hasHeader(name)) void reply.header(name, value);
  });
  boundRequests(fastify);
  // In a scope of their own, so that parsers and the mapper of errors are these and not the framework's.
  await fastify.register(async (scope) => mount(scope, control, allRoutes));
  await fastify.register(async (scope) => {
    serveCards(scope, control);
    mountSecretPage(scope, control);
    mountApprovalPage(scope, control);
    mountAlertPage(scope, control);
  });
  return app;
}
