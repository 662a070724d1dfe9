import type { Revision } from '../clients/revision-client.js';
import { ASKING_TOOLS } from './conformance-asking-tools.js';
import { CONTENT_TOOLS } from './conformance-content-tools.js';
import {
  MODERN,
  objectSchema,
  text,
  type Exchange,
  type FixtureEntry,
  type Outcome,
} from './conformance-exchange.js';
import { MRTR_TOOLS } from './conformance-mrtr-tools.js';
import { complete, getPrompt, listPrompts } from './conformance-prompts.js';
import { listResources, readResource, RESOURCE_TEMPLATES } from './conformance-resources.js';
import { RUNNING_TOOLS } from './conformance-running-tools.js';
import { RpcError } from './fixture-tools.js';

const TOOLS = [...CONTENT_TOOLS, ...RUNNING_TOOLS, ...ASKING_TOOLS, ...MRTR_TOOLS];

/** What every revision answers the same way; an adapter of an era registers them. */
export const METHODS = [
  'tools/list',
  'tools/call',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list',
  'prompts/get',
  'completion/complete',
] as const;
export type Method = (typeof METHODS)[number];

/** Answers one request in no particular era. @throws RpcError for a JSON-RPC error. */
export async function answer(
  method: Method,
  params: Record<string, unknown>,
  exchange: Exchange,
  pageSize = Number.POSITIVE_INFINITY,
): Promise<Outcome> {
  const page = (key: string, items: readonly object[]) =>
    pageOf(key, items, params.cursor, pageSize);
  switch (method) {
    case 'tools/list':
      return page('tools', definitionsOf(exchange));
    case 'tools/call':
      return await callTool(params, exchange);
    case 'resources/list':
      return page('resources', listResources(exchange));
    case 'resources/templates/list':
      return page('resourceTemplates', RESOURCE_TEMPLATES);
    case 'resources/read':
      return await readResource(String(params.uri), exchange);
    case 'prompts/list':
      return page('prompts', listPrompts(exchange));
    case 'prompts/get':
      return await getPrompt(
        String(params.name),
        (params.arguments ?? {}) as object as Args,
        exchange,
      );
    case 'completion/complete':
      return complete(String((params.argument as { value?: string } | undefined)?.value ?? ''));
  }
}

type Args = Record<string, unknown>;

/** The capabilities of a server of this revision that offers everything the fixture has. */
export function capabilitiesOf(revision: Revision): Record<string, object> {
  return {
    tools: { listChanged: true },
    resources: { listChanged: true, subscribe: true },
    prompts: { listChanged: true },
    logging: {},
    ...(revision >= '2025-03-26' && { completions: {} }),
  };
}

function definitionsOf({ revision, world }: Exchange): object[] {
  const changing = {
    name: 'test_changing_tool',
    description: `The list was changed ${world.changes.tools} times.`,
    inputSchema: objectSchema(),
  };
  // And one more each time: who holds a changed tool back shows no second change of it.
  const added = Array.from({ length: world.changes.tools }, (_, index) => ({
    name: `test_added_tool_${index + 1}`,
    description: 'Came with a change of the list.',
    inputSchema: objectSchema(),
  }));
  const definitions = [
    ...toolsOf(revision).map(({ definition }) => definition),
    changing,
    ...added,
  ];
  return revision === '2024-11-05'
    ? // Annotations came with 2025-03-26.
      definitions.map(({ annotations: _, ...rest }: Args) => rest)
    : definitions;
}

function toolsOf(revision: Revision): FixtureEntry[] {
  return TOOLS.filter(({ since }) => since === undefined || since <= revision);
}

async function callTool(params: Record<string, unknown>, exchange: Exchange): Promise<Outcome> {
  if (params.name === 'test_changing_tool') return text('changing');
  const tool = toolsOf(exchange.revision).find(({ definition }) => definition.name === params.name);
  if (!tool) throw new RpcError(-32602, `Unknown tool: ${String(params.name)}`);
  return await tool.run((params.arguments ?? {}) as Args, exchange);
}

function pageOf(key: string, items: readonly object[], cursor: unknown, size: number) {
  const from = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isInteger(from) || from < 0) throw new RpcError(-32602, 'Invalid cursor');
  const rest = items.length > from + size;
  return {
    [key]: items.slice(from, from + size),
    ...(rest && { nextCursor: String(from + size) }),
  };
}

export const isModern = (revision: Revision) => revision >= MODERN;
