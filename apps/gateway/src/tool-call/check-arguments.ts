import { createHash } from 'node:crypto';
import { canonicalJson, compileArgumentsSchema, type ArgumentsValidator } from '@conducktor/catalog';
import type { ToolCallInput } from '../mcp/ports.js';
import type { Tool } from '../workspace/types.js';
import { Refusal } from './refusal.js';
import type { CheckedCall, Target } from './types.js';

/** Compiled schemas by definition hash, shared by workspaces and versions. Bounded. */
export class SchemaCache {
  private readonly validators = new Map<string, ArgumentsValidator>();
  constructor(private readonly limit = 5_000) {}

  of(tool: Tool): ArgumentsValidator {
    let validator = this.validators.get(tool.definitionHash);
    if (!validator) {
      if (this.validators.size >= this.limit) {
        const [oldest] = this.validators.keys();
        if (oldest !== undefined) this.validators.delete(oldest);
      }
      validator = compileArgumentsSchema(tool.definition['inputSchema']);
      this.validators.set(tool.definitionHash, validator);
    }
    return validator;
  }
}

/**
 * The arguments fit the schema that was pinned, and have one form from here on: the canonical JSON
 * that is decided on, hashed, recorded and sent.
 */
export function checkArguments(deps: { schemas: SchemaCache }, target: Target, input: ToolCallInput): CheckedCall {
  const value = input.argumentsValue ?? {};
  const refuse = (sentence: string) =>
    new Refusal('invalid_arguments', sentence, {
      caller: target.caller,
      toolName: target.tool.shownName,
      connection: target.tool.connection.slug,
    });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse('The arguments must be a JSON object.');
  }
  const wrong = deps.schemas.of(target.tool)(value);
  if (wrong) throw refuse(wrong);
  let argumentsJson: string;
  try {
    argumentsJson = canonicalJson(value);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  return {
    ...target,
    input,
    arguments: value as Record<string, unknown>,
    argumentsJson,
    argumentsHash: createHash('sha256').update(argumentsJson).digest('hex'),
  };
}
