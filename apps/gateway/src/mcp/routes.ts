/** The MCP paths, as bare Fastify routes: Nest's request pipeline costs a fifth of the whole here. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { audiencesOf, MCP_ALIASES } from '@conducktor/identity';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Arrival } from './arrival.js';
import { corsHeaders, preflightHeaders } from './cors.js';
import { handlePost, type EndpointDeps, type EndpointOptions } from './endpoint.js';
import { handleGet } from './get.js';
import {
  codedRefusal,
  errorText,
  INVALID_REQUEST,
  refusal,
  TRANSPORT_ERROR,
  type Refusal,
} from './json-rpc.js';
import { OpenStreams } from './open-streams.js';
import type { OriginRules } from './origins.js';
import type { SourceIp } from '../proxy/source-ip.js';
import { handleDelete, handleOther } from './other-methods.js';
import { takePlainPosts } from './plain-posts.js';
import { afterRestOf } from './rest-of-body.js';
import { sendJson } from './reply.js';
import { Exchange } from './resumption/exchange.js';
import { PostStreams } from './resumption/post-streams.js';
import { MAX_BODY_BYTES } from '../overload/body-room.js';
import type { Gate } from '../overload/gate.js';
import { Running } from './running.js';

/** Every fixed path that takes JSON-RPC; each is a protected resource of its own. */
export const MCP_PATHS: readonly string[] = ['/mcp', ...MCP_ALIASES];
/** A connection or toolset. Which there are depends on the workspace, so the story answers for that. */
export const VIEW_ROUTE = '/mcp/:slug';

/** The path of a view, or `undefined` for what can be none. */
export function viewPath(slug: string): string | undefined {
  const path = `/mcp/${slug}`;
  return audiencesOf('', path).length > 0 ? path : undefined;
}

/** The path that a URL without query is; what else it may mean is the router's to find out. */
function pathOf(url: string): string | undefined {
  if (FIXED.has(url)) return url;
  return url.startsWith(VIEWS) ? viewPath(url.slice(VIEWS.length)) : undefined;
}

const FIXED: ReadonlySet<string> = new Set(MCP_PATHS);
const VIEWS = '/mcp/';

/** Answers that are still to come over streams are waited for this long, by default, when the gateway stops. */
const DRAIN_MS = 5_000;

export interface McpRouteOptions {
  endpoint: EndpointOptions;
  origins: OriginRules;
  sourceIp: SourceIp;
  /** Lasting streams, for each principal and in all. */
  streamLimits?: { perPrincipal: number; total: number };
  /** Hears of the lasting streams, to count them. */
  onStreams?: (streams: { readonly size: number }) => void;
  /** What may wait for this process; absent: as much as comes. */
  gate?: Gate;
  drainMs?: number;
}

export async function mcpRoutes(
  app: FastifyInstance,
  {
    endpoint: options,
    origins,
    sourceIp,
    streamLimits,
    onStreams,
    gate,
    drainMs = DRAIN_MS,
  }: McpRouteOptions,
): Promise<void> {
  const { sessions } = options;
  const running = new Running();
  const posts = new PostStreams(sessions.postStreamIds, running);
  const endpoint: EndpointDeps = {
    ...options,
    streams: new OpenStreams(options.mcp, streamLimits),
    running,
    posts,
    exchange: new Exchange(sessions.bus, sessions.waiting, posts),
  };
  onStreams?.(endpoint.streams);
  let leavePlain = (): void => {};
  app.addHook('preClose', async () => {
    // Fastify tells clients that their connections close.
    leavePlain();
    await endpoint.running.whenIdle(drainMs);
    endpoint.streams.drain();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES },
    (_request, body, done) => done(null, body),
  );
  app.addHook('onRequest', (request, reply, done) => {
    if (!origins.allowsOrigin(request.headers.origin))
      return refuse(request, reply, FOREIGN_ORIGIN, false);
    if (request.method !== 'POST') return done();
    if (turnAway(request.raw, reply.raw)) reply.hijack();
    else done();
  });
  app.setErrorHandler((error: { code?: string; statusCode?: number }, request, reply) => {
    const known = BODY_FAULTS[error.code ?? ''];
    if (!known && (error.statusCode ?? 500) >= 500) endpoint.onFault(error);
    refuse(request, reply, known ?? (error.statusCode === 408 ? SLOW : UNREADABLE), true);
  });

  const arrivalOf = (
    request: IncomingMessage,
    response: ServerResponse,
    resourcePath: string,
    streamSession?: string,
  ): Arrival => ({
    request,
    response,
    headers: request.headers as Arrival['headers'],
    answerHeaders: corsHeaders(request.headers.origin),
    resourcePath,
    sourceIp: sourceIp(request),
    streamSession,
  });

  const turnAway = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { authorization, origin } = request.headers;
    if (!gate || (!gate.refuses(authorization) && gate.takesBody(request))) return false;
    const headers = { ...corsHeaders(origin), 'retry-after': RETRY_AFTER_S };
    sendJson(response, { status: 503, text: OVERLOADED_TEXT }, headers);
    return true;
  };
  const post = (arrival: Arrival, body: Buffer): Promise<void> => {
    if (!gate) return handlePost(endpoint, arrival, body);
    const place = gate.enter(arrival.request.headers.authorization);
    arrival.place = place;
    return handlePost(endpoint, arrival, body).finally(() => place.leave());
  };

  app.addHook('onReady', async () => {
    leavePlain = takePlainPosts(app.server, {
      origins,
      maxBody: MAX_BODY_BYTES,
      pathOf,
      turnAway,
      handle: (request, response, resourcePath, body) =>
        void post(arrivalOf(request, response, resourcePath), body),
    });
  });
  for (const path of [...MCP_PATHS, VIEW_ROUTE]) {
    /** `undefined` when it was refused: nothing can be at that path. */
    const arrive = (request: FastifyRequest, reply: FastifyReply): Arrival | undefined => {
      const resourcePath =
        path === VIEW_ROUTE ? viewPath((request.params as { slug: string }).slug) : path;
      if (resourcePath === undefined) {
        refuse(request, reply, NO_SUCH_PATH, true);
        return undefined;
      }
      reply.hijack();
      return arrivalOf(request.raw, reply.raw, resourcePath, streamSessionOf(request));
    };
    const by = (handle: typeof handleGet) => (request: FastifyRequest, reply: FastifyReply) => {
      const arrival = arrive(request, reply);
      return arrival && settled(endpoint, handle, arrival);
    };
    app.post(path, (request, reply) => {
      const body = request.body;
      const encoding = request.raw.headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity')
        return refuse(request, reply, ENCODED, true);
      if (!Buffer.isBuffer(body)) return refuse(request, reply, NO_JSON, true);
      const arrival = arrive(request, reply);
      return arrival && post(arrival, body);
    });
    app.delete(path, by(handleDelete));
    // HEAD has nothing to say here and must not open a stream.
    app.route({ url: path, method: 'GET', exposeHeadRoute: false, handler: by(handleGet) });
    app.route({ url: path, method: ['HEAD', 'PUT', 'PATCH'], handler: by(handleOther) });
    app.options(path, (request, reply) => {
      reply.hijack();
      const headers = preflightHeaders(
        request.headers.origin,
        request.headers['access-control-request-headers'],
      );
      sendJson(reply.raw, { status: 204, text: '' }, headers);
    });
  }
  app.all('/mcp/*', (request, reply) => refuse(request, reply, NO_SUCH_PATH, true));
}

/** Fastify reads a query only when there is one. */
function streamSessionOf(request: FastifyRequest): string | undefined {
  const { sessionId } = request.query as { sessionId?: unknown };
  return sessionId === undefined ? undefined : String(sessionId);
}

async function settled(
  endpoint: EndpointDeps,
  handle: (endpoint: EndpointDeps, arrival: Arrival) => Promise<void>,
  arrival: Arrival,
): Promise<void> {
  try {
    await handle(endpoint, arrival);
  } catch (error) {
    endpoint.onFault(error);
    if (!arrival.response.headersSent)
      sendJson(arrival.response, { status: 500, text: '' }, arrival.answerHeaders);
  }
}

/** Refusals before anything of the request is trusted. */
function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, error }: Refusal,
  allowed: boolean,
): void {
  reply.hijack();
  const headers = { ...(allowed && corsHeaders(request.headers.origin)) };
  // The rest of a body that is not read would be taken for the next request.
  if (status === 413 || status === 408) headers['connection'] = 'close';
  const send = () => sendJson(reply.raw, { status, text: errorText(null, error) }, headers);
  if (status === 413) afterRestOf(request.raw, send);
  else send();
}

const NO_JSON = codedRefusal(
  415,
  INVALID_REQUEST,
  'Content-Type must be application/json.',
  'unsupported_media_type',
);
const ENCODED = codedRefusal(
  415,
  INVALID_REQUEST,
  'Content-Encoding is not accepted. Send plain JSON.',
  'unsupported_media_type',
);
const TOO_LARGE = codedRefusal(
  413,
  INVALID_REQUEST,
  'The request is larger than 2 MiB.',
  'payload_too_large',
);
const UNREADABLE = codedRefusal(
  400,
  INVALID_REQUEST,
  'The request could not be read.',
  'invalid_request',
);
const SLOW = codedRefusal(
  408,
  INVALID_REQUEST,
  'The request took too long to arrive.',
  'invalid_request',
);
const OVERLOADED = codedRefusal(
  503,
  TRANSPORT_ERROR,
  'Too many requests are waiting here. This one was not read; send it again in a moment.',
  'overloaded',
);
const OVERLOADED_TEXT = errorText(null, OVERLOADED.error);
const RETRY_AFTER_S = '1';
const FOREIGN_ORIGIN = refusal(
  403,
  TRANSPORT_ERROR,
  'This Origin is not allowed. Add it to CORS_ORIGINS.',
);
const NO_SUCH_PATH = refusal(404, TRANSPORT_ERROR, 'Nothing is served at this address. Use /mcp.');
const BODY_FAULTS: Record<string, Refusal> = {
  FST_ERR_CTP_BODY_TOO_LARGE: TOO_LARGE,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: NO_JSON,
};
