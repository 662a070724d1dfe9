import { compileArgumentsSchema } from '@conducktor/catalog';
import { visibleTools, type ShownTools } from '../list-tools/visible-tools.js';
import type { ToolCallAnswer, ToolCallInput } from '../mcp/ports.js';
import { limitRequest, type LimitDeps } from '../tool-call/limit.js';
import { Refusal } from '../tool-call/refusal.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import { DEFAULT_FOUND, FIND_SCHEMA, FIND_TOOLS } from './definitions.js';
import { rank, type Searchable } from './rank.js';

// What a model should have to read at most; the first tool is answered whatever its size.
const MAX_CHARS = 200_000;

const schema = compileArgumentsSchema(FIND_SCHEMA);

/** Whether this call asks for tools; elsewhere than on a path of mode `search` there is no such tool. */
export function isFinding(caller: Caller, { name }: ToolCallInput): boolean {
  return name === FIND_TOOLS && viewFor(caller).mode === 'search';
}

/**
 * Answers the caller's own visible tools that fit a query. It reads what `tools/list` of another path
 * would show, so it is limited as a list, reaches no upstream and is not recorded.
 */
export async function findTools(
  deps: LimitDeps,
  caller: Caller,
  { argumentsValue = {} }: ToolCallInput,
): Promise<ToolCallAnswer> {
  const wrong = schema.ok ? schema.check(argumentsValue) : schema.reason;
  if (wrong !== undefined)
    throw new Refusal('invalid_arguments', wrong, { caller, toolName: FIND_TOOLS });
  await limitRequest(deps, caller, FIND_TOOLS);
  const { query, limit = DEFAULT_FOUND } = argumentsValue as { query: string; limit?: number };
  const fitting = rank(searchable(visibleTools(caller)), query);
  const structuredContent = { tools: shortened(fitting.slice(0, limit)), total: fitting.length };
  return {
    kind: 'result',
    result: {
      content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
      structuredContent,
    },
  };
}

interface Candidate extends Searchable {
  shown: Record<string, unknown>;
}

const candidates = new WeakMap<ShownTools, Candidate[]>();

function searchable(tools: ShownTools): Candidate[] {
  let list = candidates.get(tools);
  if (!list) {
    list = tools.map((tool) => ({
      name: textOr(tool['name']),
      title: textOr(tool['title']) || textOr((tool['annotations'] as { title?: unknown }).title),
      description: textOr(tool['description']),
      shown: pick(
        tool,
        'name',
        'title',
        'description',
        'inputSchema',
        'outputSchema',
        'annotations',
      ),
    }));
    candidates.set(tools, list);
  }
  return list;
}

function shortened(found: readonly Candidate[]): Record<string, unknown>[] {
  let chars = 0;
  const kept = found.filter(({ shown }) => (chars += JSON.stringify(shown).length) <= MAX_CHARS);
  return (kept.length > 0 ? kept : found.slice(0, 1)).map(({ shown }) => shown);
}

function pick(tool: Record<string, unknown>, ...fields: string[]): Record<string, unknown> {
  return Object.fromEntries(
    fields.filter((field) => field in tool).map((field) => [field, tool[field]]),
  );
}

const textOr = (value: unknown) => (typeof value === 'string' ? value : '');
