import { parseJsonStrict } from '@conducktor/catalog';
import { ConducktorError } from '@conducktor/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Control } from '../control.js';
import { authenticate } from './authenticate.js';
import { requireSession } from './browser-session.js';
import type { Caller } from './caller.js';
import { hearOut } from './hear-out.js';
import { invalidRequest, problemOf, sendProblem } from './problem.js';
import type { AnyRoute, OpenRoute, PersonRoute, Route } from './route.js';
import { refuseUnstorable } from './unstorable.js';
import { endUnusedConnections } from './unused-connections.js';

const API_PREFIX = '/api/v1';
export const BODY_LIMIT = 1024 * 1024;

/** Path parameters are ids, slugs, shown names or numbers; anything else names nothing. */
const PARAMETER = /^[A-Za-z0-9_-]{1,128}$/;

/** The path of a route as clients see it, with `:name` for parameters. */
export const pathOf = (each: AnyRoute) =>
  each.kind === 'open' ? each.path : `${API_PREFIX}${each.path}`;

/** Registers all routes, the strict JSON parser and the one mapper of errors. */
export function mount(fastify: FastifyInstance, control: Control, routes: AnyRoute[]): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT },
    (_request, body, done) => {
      try {
        done(null, body === '' ? undefined : parseBody(body as string));
      } catch (error) {
        done(error as Error);
      }
    },
  );
  fastify.setErrorHandler(async (error, request, reply) => {
    const { code } = problemOf(error);
    if (code === 'payload_too_large') await hearOut(request.raw);
    if (code === 'internal_error')
      control.logger.error(
        { err: error, method: request.method, route: request.routeOptions.url },
        'A request failed',
      );
    return sendProblem(reply, error);
  });
  // Streams would keep the server from closing for as long as anybody reads.
  fastify.addHook('preClose', async () => streaming.forEach((response) => response.destroy()));
  endUnusedConnections(fastify);
  for (const each of routes) {
    if (each.kind === 'open') mountOpen(fastify, control, each);
    else if (each.kind === 'person') mountPerson(fastify, control, each);
    else mountApi(fastify, control, each);
  }
  // A route and not a not-found handler: the framework around has one of its own.
  fastify.all('/*', {
    onRequest: async (request) => {
      throw nothingHere(routes, request);
    },
    handler: async () => {},
  });
}

function parseBody(text: string): unknown {
  const body = parseJsonStrict(text);
  refuseUnstorable(text, body);
  return body;
}

function mountOpen(fastify: FastifyInstance, control: Control, each: OpenRoute): void {
  fastify.route({
    method: each.method,
    url: each.path,
    handler: (request, reply) => each.handle(control, request, reply),
  });
}

function mountPerson(fastify: FastifyInstance, control: Control, each: PersonRoute): void {
  fastify.route({
    method: each.method,
    url: `${API_PREFIX}${each.path}`,
    handler: async (request) =>
      each.answer.parse(await each.handle(control, await requireSession(control, request))),
  });
}

const callers = new WeakMap<FastifyRequest, Caller>();
const streaming = new Set<FastifyReply['raw']>();

function mountApi(fastify: FastifyInstance, control: Control, each: Route): void {
  fastify.route({
    method: each.method,
    url: `${API_PREFIX}${each.path}`,
    // A stream without a body would be read to its end, which one that lasts never has.
    exposeHeadRoute: each.method === 'GET' && !each.streams,
    // Before the body: whoever may not call cannot make us read anything.
    onRequest: async (request) => {
      callers.set(request, await admitted(control, each, request, false));
    },
    handler: async (request, reply) => {
      if (each.streams && !reply.raw.destroyed) {
        streaming.add(reply.raw);
        reply.raw.once('close', () => streaming.delete(reply.raw));
      }
      const answer = await each.handle({
        control,
        caller: callers.get(request)!,
        params: paramsOf(request, each.params),
        query: parsed(each.query, queryOf(request), 'query'),
        body: parsed(each.body, request.body ?? {}, 'body'),
        request,
        reply,
        stillAllowed: async () => void (await admitted(control, each, request, true)),
      });
      if (each.streams) return reply;
      void reply.code(each.status);
      // Validated on the way out as well: what a schema does not name never leaves.
      return each.answer ? each.answer.parse(answer) : reply.send();
    },
  });
}

async function admitted(
  control: Control,
  each: Route,
  request: FastifyRequest,
  again: boolean,
): Promise<Caller> {
  const caller = await authenticate(control, request, { again });
  for (const guard of each.guards) guard.check(caller);
  return caller;
}

function paramsOf(request: FastifyRequest, shapes: Record<string, RegExp>): Record<string, string> {
  const params = request.params as Record<string, string>;
  for (const [name, value] of Object.entries(params)) {
    if (!(shapes[name] ?? PARAMETER).test(value))
      throw new ConducktorError('not_found', 'There is nothing with this id here.');
  }
  return params;
}

function queryOf(request: FastifyRequest): unknown {
  const query = request.query as Record<string, unknown>;
  refuseUnstorable(JSON.stringify(query), query);
  return query;
}

function parsed(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (!schema) return undefined;
  const result = schema.safeParse(value);
  if (!result.success) throw invalidRequest(result.error, where);
  return result.data;
}

/** A path that exists under other methods says so. */
function nothingHere(routes: AnyRoute[], request: FastifyRequest): ConducktorError {
  const path = request.url.split('?')[0]!;
  const methods = routes.filter((each) => patternOf(each).test(path)).map(({ method }) => method);
  // A method that is there did not match for another reason: a parameter longer than any id.
  if (methods.length === 0 || methods.some((method) => method === request.method))
    return new ConducktorError('not_found', 'There is nothing at this address.');
  return new ConducktorError(
    'method_not_allowed',
    `${request.method} is not possible here; ${[...new Set(methods)].join(', ')} is.`,
  );
}

function patternOf(each: AnyRoute): RegExp {
  const path = pathOf(each);
  return new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`);
}
