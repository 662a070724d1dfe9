import { CODES, Problem, type Code } from '@conducktor/contracts';
import { z } from 'zod';
import { pathOf } from './mount.js';
import type { PersonRoute, Route } from './route.js';

type Json = Record<string, unknown>;
type Described = Route | PersonRoute;

/** What the parts of the API are about, by the first piece of their paths, in the order of the page. */
const TAGS: Record<string, string> = {
  session: 'The person signed in in this browser',
  me: 'Who a request speaks for',
  workspace: 'The workspace and its settings',
  connections: 'Services that the workspace is connected to',
  tools: 'What those services offer, and how it is governed',
  toolsets: 'Selections of tools with an address of their own',
  policies: 'Rules that every call is decided by',
  approvals: 'Calls that wait for people, and their decisions',
  'approval-delegations': 'Who decides in whose place, and until when',
  members: 'People of the workspace',
  groups: 'Groups of people, which rules can name',
  'api-keys': 'Keys for scripts',
  apps: 'Clients that people connected',
  sessions: 'Who is connected right now',
  freeze: 'The emergency stop',
  audit: 'What was called, refused and changed',
  limits: 'How many calls a person, client, connection or tool may make',
  budgets: 'Caps on what calls may cost, and what is spent of them',
  'price-lists': 'Prices of many tools, for a time',
  'held-calls': 'Calls whose cost nobody knows yet',
  ledger: 'Every movement of money',
  usage: 'How much was called, and what it cost',
  activity: 'Calls as they happen',
  'initial-access-tokens': 'Permits for registering a client',
  'notification-channels': 'Where the workspace is told of approvals and alerts',
  alerts: 'Budgets that run out, unusual days, connections in trouble',
  'notification-deliveries': 'What became of those messages',
};

/** The OpenAPI 3.1 document of these routes, out of the schemas that validate requests and answers. */
export function openApiOf(routes: readonly Described[], publicUrl: string): Json {
  const schemas: Json = {};
  schemaOf(Problem, 'output', schemas);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = pathOf(route).replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, schemas);
  }
  const tags = [...new Set(routes.map(tagOf))];
  const known = Object.keys(TAGS);
  const place = (tag: string) => (known.indexOf(tag) + 1 || known.length + 1) - 1;
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Conducktor',
      version: '1',
      description:
        'The REST API of one workspace. Lists answer {"items", "nextCursor"}; errors are problem documents (RFC 9457) with a stable "code".',
    },
    servers: [{ url: publicUrl }],
    tags: tags
      .toSorted((one, other) => place(one) - place(other))
      .map((name) => ({ name, ...(TAGS[name] ? { description: TAGS[name] } : {}) })),
    security: [{ apiKey: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key with the scope "admin": Authorization: Bearer ck_…',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: publicUrl.startsWith('https:')
            ? '__Host-conducktor_session'
            : 'conducktor_<installation>_session',
          description:
            'The browser session of somebody who signed in. The header X-Conducktor-Workspace chooses the workspace; whatever is not GET needs the header X-Conducktor-CSRF with the token of GET /api/v1/session.',
        },
      },
      responses: Object.fromEntries(
        Object.entries(REFUSALS).map(([name, refusal]) => [name, problemResponse(...refusal)]),
      ),
      parameters: { Workspace, Csrf },
      schemas,
    },
  };
}

const Workspace = {
  name: 'X-Conducktor-Workspace',
  in: 'header',
  required: false,
  description: 'With a browser session: the workspace, ten_…',
  schema: { type: 'string' },
};
const Csrf = {
  name: 'X-Conducktor-CSRF',
  in: 'header',
  required: false,
  description: 'With a browser session: the token of GET /api/v1/session',
  schema: { type: 'string' },
};

const REFUSALS: Record<string, [description: string, code: Code, detail: string]> = {
  Invalid: [
    'The request does not fit: "errors" names the fields',
    'invalid_request',
    '"limit": Too big: expected number to be <=200.',
  ],
  Unauthenticated: [
    'No valid API key or browser session',
    'unauthenticated',
    'Sign in again: this API key is not valid.',
  ],
  Forbidden: [
    'The role, the scope of the key, or the CSRF token does not allow this; or somebody was frozen',
    'forbidden',
    'Permission denied: this needs the role owner or admin in this workspace.',
  ],
  NotFound: [
    'Nothing with this id is in the workspace',
    'not_found',
    'There is no connection with this id in this workspace.',
  ],
  Conflict: [
    'It does not go together with what is there',
    'conflict',
    'There is a group "finance" in this workspace already.',
  ],
  TooMany: [
    'Too many; the header Retry-After says when to try again',
    'rate_limited',
    'Too many wrong API keys from this address. Try again in 4 s.',
  ],
};

function problemResponse(description: string, code: Code, detail: string): Json {
  return {
    description,
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        example: {
          type: `urn:conducktor:error:${code}`,
          title: code.replaceAll('_', ' '),
          status: CODES[code],
          code,
          detail,
        },
      },
    },
  };
}

/** The part of the API that a route belongs to. */
const tagOf = ({ path }: Described) => path.split('/')[1]!;

function operationOf(route: Described, schemas: Json): Json {
  const common = {
    operationId: operationId(route),
    summary: route.summary,
    tags: [tagOf(route)],
  };
  if (route.kind === 'person')
    return {
      ...common,
      description: 'Needs: a browser session.',
      security: [{ session: [] }],
      responses: { ...success(200, route.answer, schemas), ...refusals(['Unauthenticated']) },
    };
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  const parameters = [
    ...names.map(pathParameter),
    ...(route.query ? queryParameters(schemaOf(route.query, 'input', schemas)) : []),
    reference('parameters', 'Workspace'),
    ...(route.method === 'GET' ? [] : [reference('parameters', 'Csrf')]),
  ];
  return {
    ...common,
    description: `Needs: ${route.guards.map(({ name }) => name).join(', ')}.`,
    parameters,
    ...(route.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(route.body, 'input', schemas) } },
          },
        }
      : {}),
    responses: {
      ...(route.streams ? streamed(route.streams) : success(route.status, route.answer, schemas)),
      ...refusals([
        'Invalid',
        'Unauthenticated',
        'Forbidden',
        'NotFound',
        ...(route.method === 'GET' ? [] : ['Conflict']),
        'TooMany',
      ]),
    },
  };
}

function success(status: number, answer: z.ZodType | undefined, schemas: Json): Json {
  if (!answer) return { [status]: { description: 'Done; no body' } };
  const schema = schemaOf(answer, 'output', schemas);
  return { [status]: { description: 'Done', content: { 'application/json': { schema } } } };
}

function streamed(types: readonly string[]): Json {
  const content = Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }]));
  return { 200: { description: 'A stream', content } };
}

function refusals(names: readonly string[]): Json {
  return {
    ...Object.fromEntries(
      names.map((name) => [CODES[REFUSALS[name]![1]], reference('responses', name)]),
    ),
    default: {
      description: 'Refused or failed, with the reason',
      content: { 'application/problem+json': { schema: reference('schemas', 'Problem') } },
    },
  };
}

const reference = (kind: 'parameters' | 'responses' | 'schemas', name: string) => ({
  $ref: `#/components/${kind}/${name}`,
});

/** `POST /connections/:id/test` → `postConnectionsIdTest` */
function operationId({ method, path }: Described): string {
  return (
    method.toLowerCase() +
    path.replace(/[/:-]+(\w)/g, (_match, letter: string) => letter.toUpperCase())
  );
}

const PARAMETERS: Record<string, string> = {
  id: 'The id, as a list shows it; tools also by their shown name',
  version: 'The number of the version',
  other: 'The number of the version that it is compared with',
  kind: 'What is frozen: workspace, connection, member or client',
  callId: 'The id of the call, call_…',
};

function pathParameter(name: string): Json {
  return {
    name,
    in: 'path',
    required: true,
    ...(PARAMETERS[name] ? { description: PARAMETERS[name] } : {}),
    schema: { type: 'string' },
  };
}

function queryParameters(schema: Json): Json[] {
  const required = new Set(schema['required'] as string[] | undefined);
  return Object.entries(schema['properties'] as Record<string, Json>).map(([name, each]) => ({
    name,
    in: 'query',
    required: required.has(name),
    ...(each['description'] ? { description: each['description'] } : {}),
    schema: each,
  }));
}

/** JSON Schema of a zod schema; the named ones among its parts move to the components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const generated = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  const { $schema: _dialect, $defs, ...own } = generated;
  for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, Json>))
    components[name] = withoutId(pointToComponents(definition));
  return pointToComponents(own);
}

const withoutId = ({ id: _id, ...rest }: Json): Json => rest;

function pointToComponents<Part>(part: Part): Part {
  return JSON.parse(
    JSON.stringify(part).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/'),
  ) as Part;
}
