/** Protected resource metadata (RFC 9728): where to get a token for an MCP path, and what to ask for. */
import type { FastifyInstance } from 'fastify';
import { MCP_SCOPES } from '@conducktor/identity';
import { RESOURCE_METADATA_PATH } from '../mcp/challenge.js';
import { MCP_PATHS, VIEW_ROUTE, viewPath } from '../mcp/routes.js';
import { refuseOtherMethods } from '../own-path.js';

/** `resource` must be the URL that the person typed, aliases included, or clients refuse it. */
export function protectedResourceMetadata(
  publicUrl: string,
  resourcePath: string,
): Record<string, unknown> {
  return {
    resource: `${publicUrl}${resourcePath}`,
    authorization_servers: [publicUrl],
    // `offline_access` is the client's own wish and never listed here (MCP 2026-07-28, authorization).
    scopes_supported: MCP_SCOPES,
    bearer_methods_supported: ['header'],
    resource_name: 'Conducktor',
  };
}

export async function metadataRoutes(
  app: FastifyInstance,
  { publicUrl }: { publicUrl: string },
): Promise<void> {
  // Public documents, for browser clients of any origin.
  const headers = { 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=300' };
  const serve = (route: string, pathOf: (params: unknown) => string | undefined) => {
    app.get(route, (request, reply) => {
      const path = pathOf(request.params);
      return path === undefined
        ? reply.code(404).send(NO_RESOURCE)
        : reply.headers(headers).send(protectedResourceMetadata(publicUrl, path));
    });
    app.options(route, (_request, reply) =>
      reply
        .headers({
          ...headers,
          'access-control-allow-methods': 'GET, OPTIONS',
          'access-control-allow-headers': 'mcp-protocol-version',
        })
        .code(204)
        .send(),
    );
    refuseOtherMethods(app, route, ['GET', 'OPTIONS']);
  };
  serve(RESOURCE_METADATA_PATH, () => '/mcp');
  for (const path of MCP_PATHS) serve(`${RESOURCE_METADATA_PATH}${path}`, () => path);
  // Whether there is such a view is only for members of the workspace to know.
  serve(RESOURCE_METADATA_PATH + VIEW_ROUTE, (params) =>
    viewPath((params as { slug: string }).slug),
  );
  app.all(`${RESOURCE_METADATA_PATH}/*`, (_request, reply) => reply.code(404).send(NO_RESOURCE));
}

const NO_RESOURCE = {
  error: 'not_found',
  error_description: 'There is no protected resource at that path.',
};
