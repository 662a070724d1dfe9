import type { McpRequestContext, ToolCallAnswer } from '../mcp/ports.js';
import type { Workspace } from '../workspace/types.js';
import { refuse, type RefuseDeps } from './refuse.js';
import { StaleDecision } from './refusal.js';

export interface AnsweringDeps extends RefuseDeps {
  workspaces: { refresh(workspace: Workspace): Promise<unknown> };
}

// A workspace that changes faster than this many decisions in a row is answered "not now".
const DECISIONS = 4;

/**
 * Runs the steps of one request and answers for whatever ends them early. When the workspace changed
 * while they decided, they run again: the answer must come from what it is now.
 */
export async function answering(
  deps: AnsweringDeps,
  asked: { context: McpRequestContext; method: string },
  steps: () => Promise<ToolCallAnswer>,
): Promise<ToolCallAnswer> {
  for (let decision = 1; ; decision++) {
    try {
      return await steps();
    } catch (error) {
      if (error instanceof StaleDecision && decision < DECISIONS) {
        await deps.workspaces.refresh(error.workspace);
        continue;
      }
      return refuse(deps, error, asked.context, asked.method);
    }
  }
}
