import { compileArgumentsSchema } from '@conducktor/catalog';
import type { ToolCallInput } from '../mcp/ports.js';
import { Refusal } from '../tool-call/refusal.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import { CALL_SCHEMA, CALL_TOOL } from './definitions.js';

const schema = compileArgumentsSchema(CALL_SCHEMA);

/**
 * The call that is meant: on a path of mode `search`, what `conducktr_call_tool` carries; any other
 * call itself. From here on it is as if the tool had been called by its name, so it is decided on,
 * checked and recorded by that. The one difference: its arguments have no headers that repeat them.
 */
export function carriedCall(caller: Caller, input: ToolCallInput): ToolCallInput {
  if (input.name !== CALL_TOOL || viewFor(caller).mode !== 'search') return input;
  const { argumentsValue = {} } = input;
  const wrong = schema.ok ? schema.check(argumentsValue) : schema.reason;
  if (wrong !== undefined)
    throw new Refusal('invalid_arguments', wrong, { caller, toolName: CALL_TOOL });
  const carried = argumentsValue as { name: string; arguments?: Record<string, unknown> };
  return { ...input, name: carried.name, argumentsValue: carried.arguments };
}
