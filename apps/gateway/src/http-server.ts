/** The HTTP side of the gateway as one Fastify instance; `app.module.ts` composes what stands behind it. */
import { fastify, type FastifyInstance } from 'fastify';
import type { Readiness } from '@conducktor/runtime';
import { healthRoutes } from './health/routes.js';
import { metadataRoutes } from './metadata/protected-resource.js';
import type { EndpointOptions } from './mcp/endpoint.js';
import { createOriginRules } from './mcp/origins.js';
import { mcpRoutes, type McpRouteOptions } from './mcp/routes.js';
import { boundForwarded } from './overload/bound-forwarded.js';
import { oneOrigin, type OneOriginOptions } from './proxy/one-origin.js';
import { createSourceIp } from './proxy/source-ip.js';

export interface HttpServerOptions {
  readiness: Readiness;
  publicUrl: string;
  corsOrigins: readonly string[];
  /** Proxies whose X-Forwarded-For is believed; absent: none. */
  trustedProxies?: readonly string[];
  /** Hears once of a peer near by that forwards for others and is not among them. */
  onMissedProxy?: (peer: string) => void;
  /** Whether loopback names count as ours, whatever their port: everywhere but in production. */
  allowLoopback: boolean;
  endpoint: EndpointOptions;
  streamLimits?: McpRouteOptions['streamLimits'];
  onStreams?: McpRouteOptions['onStreams'];
  gate?: McpRouteOptions['gate'];
  drainMs?: McpRouteOptions['drainMs'];
  /** Absent: the gateway forwards nothing. */
  services?: Pick<OneOriginOptions, 'authUrl' | 'controlUrl' | 'onFault'>;
}

/** Slow senders hold a socket no longer than this, to the precision of the sweep. */
const REQUEST_TIMEOUT_MS = 30_000;
const SWEEP_MS = 5_000;
/** Longer than load balancers keep idle connections, so that they close first. */
const KEEP_ALIVE_MS = 72_000;
/** Some times as many as there may be calls and streams: probes must still get in. */
const MAX_CONNECTIONS = 20_000;

/** A Fastify instance without routes; `FastifyAdapter` may wrap it before `addRoutes`. */
export function createHttpServer(
  limits = { requestTimeoutMs: REQUEST_TIMEOUT_MS, sweepMs: SWEEP_MS },
): FastifyInstance {
  const app = fastify({
    logger: false,
    http: {
      connectionsCheckingInterval: limits.sweepMs,
      // Node swaps the two timeouts when this one is the longer, as its default of 60 s would be.
      headersTimeout: limits.requestTimeoutMs / 2,
    },
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    routerOptions: { ignoreTrailingSlash: true },
    forceCloseConnections: 'idle',
    // What comes over a connection that stands is answered, and closes it.
    return503OnClosing: false,
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  return app;
}

export async function addRoutes(app: FastifyInstance, options: HttpServerOptions): Promise<void> {
  const origins = createOriginRules(options);
  const sourceIp = createSourceIp(options.trustedProxies ?? [], options.onMissedProxy);
  await app.register(async (probes) => healthRoutes(probes, options));
  // Probes come by address; everything else must name us.
  await app.register(async (named) => {
    named.addHook('onRequest', (request, reply, done) => {
      const { headers, rawHeaders } = request.raw;
      if (origins.allowsHost(headers.host, rawHeaders)) return done();
      void reply.code(403).send({
        error: 'forbidden',
        error_description: 'This Host is not served here. Use PUBLIC_URL.',
      });
    });
    const { endpoint, streamLimits, onStreams, gate, drainMs } = options;
    const bounds = { streamLimits, gate, drainMs };
    await named.register(mcpRoutes, { endpoint, origins, sourceIp, onStreams, ...bounds });
    await named.register(metadataRoutes, { publicUrl: options.publicUrl });
    const { services, publicUrl } = options;
    if (services)
      await named.register(async (forwarded) => {
        boundForwarded(forwarded);
        await oneOrigin(forwarded, { publicUrl, sourceIp, ...services });
      });
  });
}
