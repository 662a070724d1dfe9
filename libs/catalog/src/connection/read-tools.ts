import { setImmediate as nextTurn } from 'node:timers/promises';
import { DefinitionRefused } from '../cleaned.js';
import { definitionHash, normaliseDefinition, type ToolDefinition } from '../definition.js';
import { compileArgumentsSchema } from '../schema/compile.js';
import { headerDeclarationProblem } from '../schema/header-declarations.js';

// More than any service that people can oversee has.
const MAX_TOOLS = 1_000;
/** Others wait so long at most while a long list is read. */
const TURN_MS = 10;

export interface ReadTool {
  definition: ToolDefinition;
  /** SHA-256 of its canonical JSON, hexadecimal. */
  hash: string;
}

export interface ReadTools {
  tools: ReadTool[];
  /** A sentence for each tool that cannot be taken over. */
  refusals: string[];
}

/** Hashes of definitions whose schemas compiled: most of what is listed again was listed before. */
const usable = new Set<string>();
const MAX_USABLE = 20_000;

/**
 * The definitions that can be taken over. A tool is left out when its definition or schema is
 * unusable, or its name stands twice in the list.
 */
export async function readTools(raw: readonly unknown[]): Promise<ReadTools> {
  const tools = new Map<string, ReadTool>();
  const refusals: string[] = [];
  let since = performance.now();
  for (const each of raw.slice(0, MAX_TOOLS)) {
    try {
      const definition = normaliseDefinition(each);
      const hash = definitionHash(definition).toString('hex');
      const problem = problemOf(definition, hash);
      if (problem !== undefined)
        refusals.push(`The input schema of "${definition.name}" cannot be used: ${problem}.`);
      else if (tools.has(definition.name))
        refusals.push(`The service lists "${definition.name}" twice; the first counts.`);
      else tools.set(definition.name, { definition, hash });
    } catch (error) {
      if (!(error instanceof DefinitionRefused)) throw error;
      refusals.push(error.message);
    }
    if (performance.now() - since < TURN_MS) continue;
    await nextTurn();
    since = performance.now();
  }
  if (raw.length > MAX_TOOLS)
    refusals.push(`The service lists ${raw.length} tools; the first ${MAX_TOOLS} were taken.`);
  return { tools: [...tools.values()], refusals };
}

function problemOf(definition: ToolDefinition, hash: string): string | undefined {
  if (usable.has(hash)) return undefined;
  const schema = compileArgumentsSchema(definition.inputSchema);
  if (!schema.ok) return schema.reason;
  const problem = headerDeclarationProblem(definition.inputSchema);
  if (problem !== undefined) return problem;
  if (usable.size >= MAX_USABLE) usable.delete(usable.values().next().value!);
  usable.add(hash);
  return undefined;
}
