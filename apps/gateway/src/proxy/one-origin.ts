/**
 * One origin for people and clients: what is not MCP goes on to `auth` and `control` (CONTRACT: one
 * origin). Off where a load balancer routes the same paths; then the gateway forwards nothing.
 */
import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { SourceIp } from './source-ip.js';
import { unavailablePage } from './unavailable-page.js';

export interface OneOriginOptions {
  publicUrl: string;
  authUrl: string;
  controlUrl: string;
  sourceIp: SourceIp;
  onFault(error: unknown, service: Service): void;
}

type Service = 'auth' | 'control';

/** Prefixes of the auth service; each is a whole path or ends at a slash. Everything else is control. */
const AUTH_PATHS = [
  '/oauth2',
  '/auth/authorize',
  '/auth/token',
  '/api/mcp/auth/authorize',
  '/api/mcp/auth/token',
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/.well-known/jwks.json',
  '/login',
  '/signup',
  '/consent',
  '/invite',
  '/verify',
  '/account',
  '/scim',
];

const METHODS = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT', 'OPTIONS'];
/**
 * Connection-level headers (RFC 9110 section 7.6.1); those that `Connection` lists go too. `expect` is fulfilled
 * here: the server has asked for the body, and undici sends no request that has it.
 */
const HOP_BY_HOP = [
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
];
/** A page or a JSON answer comes sooner; a stream may then last. */
const HEADERS_TIMEOUT_MS = 60_000;

export function serviceOf(path: string): Service {
  return AUTH_PATHS.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))
    ? 'auth'
    : 'control';
}

export async function oneOrigin(app: FastifyInstance, options: OneOriginOptions): Promise<void> {
  const own = new URL(options.publicUrl);
  const upstreams = { auth: options.authUrl, control: options.controlUrl };
  // Bodies pass through unread, whatever their type.
  app.removeAllContentTypeParsers();
  await app.register(httpProxy, {
    upstream: '',
    httpMethods: METHODS,
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    undici: { connections: 128, pipelining: 1, headersTimeout: HEADERS_TIMEOUT_MS, bodyTimeout: 0 },
    replyOptions: {
      getUpstream: (request: FastifyRequest) => upstreams[serviceOf(pathOf(request))],
      rewriteRequestHeaders: (request: FastifyRequest, headers: IncomingHttpHeaders) =>
        forwardedHeaders(headers, request, own, options.sourceIp),
      // The services answer for themselves; a second attempt could act twice.
      retryDelay: () => null,
      onError: (reply: FastifyReply, { error }: { error: unknown }) => {
        const service = serviceOf(pathOf(reply.request));
        options.onFault(error, service);
        unavailablePage(reply, service);
      },
    },
  } as Parameters<typeof httpProxy>[1]);
}

/** What the client says of its own origin is dropped; what we saw ourselves is said instead. */
function forwardedHeaders(
  headers: IncomingHttpHeaders,
  request: FastifyRequest,
  own: URL,
  sourceIp: SourceIp,
): IncomingHttpHeaders {
  const kept: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip') continue;
    if (!HOP_BY_HOP.includes(name)) kept[name] = value;
  }
  const host = request.headers.host ?? own.host;
  kept['x-forwarded-for'] = sourceIp(request.raw);
  kept['x-forwarded-host'] = host;
  // Whoever ends TLS in front of us speaks for PUBLIC_URL; any other allowed name is this machine.
  kept['x-forwarded-proto'] = host === own.host ? own.protocol.slice(0, -1) : 'http';
  return kept;
}

function pathOf(request: FastifyRequest): string {
  return request.raw.url!.split('?', 1)[0]!;
}
