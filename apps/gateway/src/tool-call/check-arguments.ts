import { hash } from 'node:crypto';
import { canonicalJson, compileArgumentsSchema, type ArgumentsCheck } from '@conducktor/catalog';
import { asOwn } from '../management/roles.js';
import type { ToolCallInput } from '../mcp/ports.js';
import type { Tool } from '../workspace/types.js';
import { Refusal } from './refusal.js';
import type { CheckedCall, Target } from './types.js';

/** Compiled schemas by definition hash, shared by workspaces and versions. Bounded. */
export class SchemaCache {
  private readonly checks = new Map<string, ArgumentsCheck>();
  constructor(private readonly limit = 5_000) {}

  of(tool: Tool): ArgumentsCheck {
    let check = this.checks.get(tool.definitionHash);
    if (!check) {
      if (this.checks.size >= this.limit) {
        const [oldest] = this.checks.keys();
        if (oldest !== undefined) this.checks.delete(oldest);
      }
      const compiled = compileArgumentsSchema(tool.definition['inputSchema']);
      // The catalogue takes no such tool; should one be there all the same, nothing fits it.
      check = compiled.ok
        ? compiled.check
        : () => `This tool cannot be called: its schema ${compiled.reason}.`;
      this.checks.set(tool.definitionHash, check);
    }
    return check;
  }
}

/**
 * The arguments fit the schema that was pinned, and have one form from here on: the canonical JSON
 * that is decided on, hashed, recorded and sent.
 */
export function checkArguments(
  deps: { schemas: SchemaCache },
  target: Target,
  input: ToolCallInput,
): CheckedCall {
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
  const wrong =
    asOwn(target.tool)?.refuses?.(value as Record<string, unknown>) ??
    deps.schemas.of(target.tool)(value);
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
    argumentsHash: hash('sha256', argumentsJson, 'hex'),
    sent: { method: 'tools/call', name: target.tool.upstreamName, argumentsJson },
  };
}
