import type { FastifyInstance } from 'fastify';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/**
 * Answers 405 for every method that `path` does not serve. A path of the gateway is the gateway's by
 * every method: what is left over must not be forwarded to another service.
 */
export function refuseOtherMethods(
  app: FastifyInstance,
  path: string,
  served: readonly (typeof METHODS)[number][],
): void {
  app.route({
    url: path,
    method: METHODS.filter((method) => !served.includes(method)),
    onRequest: (_request, reply) => {
      void reply
        .code(405)
        .header('allow', served.join(', '))
        .send({ error: 'method_not_allowed', error_description: `Use ${served.join(' or ')}.` });
    },
    handler: () => {},
  });
}
