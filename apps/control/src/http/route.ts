import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Control } from '../control.js';
import type { BrowserSession } from './browser-session.js';
import type { Caller } from './caller.js';
import type { Guard } from './guards.js';

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

export interface RouteContext<Query, Body> {
  control: Control;
  caller: Caller;
  /** Path parameters: well-formed, not yet known to exist. */
  params: Record<string, string>;
  query: Parsed<Query>;
  body: Parsed<Body>;
}

/** Of a route that answers with a stream and writes it itself. */
export interface StreamContext<Query> extends Omit<RouteContext<Query, undefined>, 'body'> {
  request: FastifyRequest;
  reply: FastifyReply;
  /** Goes through sign-in and guards again, as if the request came now; throws as they do. */
  stillAllowed(): Promise<void>;
}

export interface RouteDefinition<Query, Body, Answer> {
  /** One line for the API's description. */
  summary: string;
  /** In the order in which they are checked, before the body is read. */
  guards: [Guard, ...Guard[]];
  query?: Query;
  body?: Body;
  /** Status of success, and the schema that the answer must fit; no schema: no body. */
  answer: [201 | 200, Answer] | [204];
  /** What path parameters look like that are no id, slug, shown name or number. */
  params?: Record<string, RegExp>;
  handle(
    context: RouteContext<Query, Body>,
  ): Promise<Answer extends z.ZodType ? z.input<Answer> : void>;
}

/** A route of the REST API, below /api/v1. */
export interface Route {
  kind: 'api';
  method: Method;
  /** With `:name` for parameters; those named `id` or ending in `Id` are ids of the caller's workspace. */
  path: string;
  summary: string;
  guards: Guard[];
  query: z.ZodType | undefined;
  body: z.ZodType | undefined;
  status: number;
  answer: z.ZodType | undefined;
  params: Record<string, RegExp>;
  /** Media types of a stream, which `handle` writes to the reply. */
  streams?: readonly string[];
  handle(context: RouteContext<z.ZodType, z.ZodType> & StreamContext<z.ZodType>): Promise<unknown>;
}

/** A route for the person in the browser, whichever workspaces they are in; below /api/v1 too. */
export interface PersonRoute {
  kind: 'person';
  method: 'GET';
  path: string;
  summary: string;
  answer: z.ZodType;
  handle(control: Control, person: BrowserSession): Promise<unknown>;
}

/** A route that anybody may call: pages, descriptions, probes. */
export interface OpenRoute {
  kind: 'open';
  method: 'GET';
  path: string;
  summary: string;
  handle(control: Control, request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}

export type AnyRoute = Route | PersonRoute | OpenRoute;

export function route<
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
  Answer extends z.ZodType | undefined = undefined,
>(method: Method, path: string, definition: RouteDefinition<Query, Body, Answer>): Route {
  const [status, answer] = definition.answer;
  return {
    kind: 'api',
    method,
    path,
    summary: definition.summary,
    guards: definition.guards,
    query: definition.query,
    body: definition.body,
    status,
    answer,
    params: definition.params ?? {},
    // The schemas above are what the context was parsed with, so the types hold.
    handle: definition.handle as unknown as Route['handle'],
  };
}

/** A route whose answer lasts: guarded and described as any other, written by its handler. */
export function streamRoute<Query extends z.ZodType>(
  path: string,
  definition: {
    summary: string;
    guards: [Guard, ...Guard[]];
    query: Query;
    streams: readonly string[];
    handle(context: StreamContext<Query>): Promise<void>;
  },
): Route {
  return {
    kind: 'api',
    method: 'GET',
    path,
    body: undefined,
    status: 200,
    answer: undefined,
    params: {},
    ...definition,
    handle: definition.handle as unknown as Route['handle'],
  };
}

export function openRoute(path: string, summary: string, handle: OpenRoute['handle']): OpenRoute {
  return { kind: 'open', method: 'GET', path, summary, handle };
}

export function personRoute<Answer extends z.ZodType>(
  path: string,
  definition: {
    summary: string;
    answer: Answer;
    handle(control: Control, person: BrowserSession): Promise<z.input<Answer>>;
  },
): PersonRoute {
  return { kind: 'person', method: 'GET', path, ...definition };
}
