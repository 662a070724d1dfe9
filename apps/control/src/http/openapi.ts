import { Problem } from '@conducktor/contracts';
import { z } from 'zod';
import { API_PREFIX } from './mount.js';
import type { Route } from './route.js';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of these routes, out of the schemas that validate requests and answers. */
export function openApiOf(routes: readonly Route[], publicUrl: string): Json {
  const schemas: Json = {};
  const problem = schemaOf(Problem, 'output', schemas);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = `${API_PREFIX}${route.path.replace(/:(\w+)/g, '{$1}')}`;
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, problem, schemas);
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Conducktor',
      version: '1',
      description: 'Connections, policies, members, API keys and audit of one workspace.',
    },
    servers: [{ url: publicUrl }],
    security: [{ apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key with the scope "admin"',
        },
      },
      schemas,
    },
  };
}

function operationOf(route: Route, problem: Json, schemas: Json): Json {
  const parameters = [
    ...[...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...(route.query ? queryParameters(schemaOf(route.query, 'input', schemas)) : []),
  ];
  return {
    operationId: operationId(route),
    summary: route.summary,
    description: `Needs: ${route.guards.map(({ name }) => name).join(', ')}.`,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(route.body, 'input', schemas) } },
          },
        }
      : {}),
    responses: {
      [route.status]: {
        description: route.answer ? 'Done' : 'Done; no body',
        ...(route.answer
          ? {
              content: {
                'application/json': { schema: schemaOf(route.answer, 'output', schemas) },
              },
            }
          : {}),
      },
      default: {
        description: 'Refused, with the reason',
        content: { 'application/problem+json': { schema: problem } },
      },
    },
  };
}

/** `POST /connections/:id/test` → `postConnectionsIdTest` */
function operationId({ method, path }: Route): string {
  return (
    method.toLowerCase() +
    path.replace(/[/:-]+(\w)/g, (_match, letter: string) => letter.toUpperCase())
  );
}

function queryParameters(schema: Json): Json[] {
  const required = new Set(schema['required'] as string[] | undefined);
  return Object.entries(schema['properties'] as Json).map(([name, each]) => ({
    name,
    in: 'query',
    required: required.has(name),
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
