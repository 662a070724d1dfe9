import { z } from 'zod';
import type { Role } from '../rest/common.js';

/**
 * A tool of Conducktor's own, as the gateway that offers it and the control plane that runs it both
 * know it. `roles`: who may use it, any of them; null: every member.
 */
export interface ManagementTool<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> {
  name: `conducktr_${string}`;
  class: 'read' | 'write';
  roles: readonly Role[] | null;
  input: Input;
  output: Output;
}

export function managementTool<Input extends z.ZodType, Output extends z.ZodType>(
  tool: ManagementTool<Input, Output>,
): ManagementTool<Input, Output> {
  return tool;
}

type JsonSchema = Record<string, unknown>;

/** What clients are told of arguments and results: JSON Schema 2020-12. */
export function managementSchemas(tool: ManagementTool): {
  inputSchema: JsonSchema;
  outputSchema: JsonSchema;
} {
  return {
    inputSchema: z.toJSONSchema(tool.input, { io: 'input' }) as JsonSchema,
    outputSchema: z.toJSONSchema(tool.output, { io: 'output' }) as JsonSchema,
  };
}

/** Where calls of these tools are sent to, and what policies and records name as their connection. */
export const MANAGEMENT_CONNECTION = 'conducktr';
