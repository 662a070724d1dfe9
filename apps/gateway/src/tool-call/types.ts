import type { JournalKey } from '@conducktor/contracts';
import type { Decision } from '@conducktor/policy';
import type { McpRequestContext, ToolCallInput } from '../mcp/ports.js';
import type { Member, Tool, Workspace } from '../workspace/types.js';

/** Who calls, in which workspace, by which client: the result of authenticate. */
export interface Caller {
  workspace: Workspace;
  member: Member;
  clientId: string;
  scopes: readonly string[];
  /** What the audit record calls this person: e-mail, and the key where one was used. */
  actor: string;
  context: McpRequestContext;
}

/** The tool meant, out of the caller's workspace: the result of resolve. */
export interface Target {
  caller: Caller;
  tool: Tool;
}

/** A target with arguments that fit its pinned schema, in canonical form (RFC 8785). */
export interface CheckedCall extends Target {
  input: ToolCallInput;
  arguments: Record<string, unknown>;
  argumentsJson: string;
  /** SHA-256 of `argumentsJson`, hexadecimal. */
  argumentsHash: string;
}

/** Policy said yes. Only `decide` makes one. */
export interface AllowedCall extends CheckedCall {
  decision: Decision & { effect: 'allow' };
}

/** Within the rate limits. Only `limit` makes one. */
export interface LimitedCall extends AllowedCall {
  withinLimits: true;
}

/** Durable: intent, audit intent and reservation are committed. Only `admit` makes one. */
export interface AdmittedCall extends LimitedCall {
  callId: string;
  key: JournalKey;
  idempotencyHash: string | undefined;
}
