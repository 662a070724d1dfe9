import {
  compileArgumentsSchema,
  DefinitionRefused,
  normaliseDefinition,
  type ToolDefinition,
} from '@conducktor/catalog';

// More than any service that people can oversee has.
const MAX_TOOLS = 1_000;

/**
 * The definitions that can be taken over, and a sentence for each that cannot. A tool is left out
 * when its definition or schema is unusable, or its name stands twice in the list.
 */
export function readTools(raw: readonly unknown[]): {
  definitions: ToolDefinition[];
  refusals: string[];
} {
  const definitions = new Map<string, ToolDefinition>();
  const refusals: string[] = [];
  for (const each of raw.slice(0, MAX_TOOLS)) {
    try {
      const definition = normaliseDefinition(each);
      const schema = compileArgumentsSchema(definition.inputSchema);
      if (!schema.ok)
        refusals.push(`The input schema of "${definition.name}" cannot be used: ${schema.reason}.`);
      else if (definitions.has(definition.name))
        refusals.push(`The service lists "${definition.name}" twice; the first counts.`);
      else definitions.set(definition.name, definition);
    } catch (error) {
      if (!(error instanceof DefinitionRefused)) throw error;
      refusals.push(error.message);
    }
  }
  if (raw.length > MAX_TOOLS)
    refusals.push(`The service lists ${raw.length} tools; the first ${MAX_TOOLS} were taken.`);
  return { definitions: [...definitions.values()], refusals };
}
