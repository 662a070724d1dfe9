import type { ManagementTool } from '@conducktor/contracts';
import type { z } from 'zod';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import type { Guard } from '../http/guards.js';

export interface HandlerContext {
  control: Control;
  caller: Caller;
  /** Of the call that the gateway has in its journal. */
  callId: string;
}

/** What runs a management tool: a use-case of REST, behind the guard of its route. */
export interface Handler {
  tool: ManagementTool;
  guard: Guard;
  run(context: HandlerContext, input: unknown): Promise<unknown>;
}

export function handler<Input extends z.ZodType, Output extends z.ZodType>(
  tool: ManagementTool<Input, Output>,
  guard: Guard,
  run: (context: HandlerContext, input: z.output<Input>) => Promise<z.input<Output>>,
): Handler {
  // `runCall` parses with the schema of the same tool, so the types hold.
  return { tool, guard, run: run as Handler['run'] };
}
