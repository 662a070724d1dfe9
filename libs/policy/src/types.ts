import type { ToolClass } from '@conducktor/contracts';

/** Who calls. Treated as immutable: what was worked out for an object is remembered with it. */
export interface PolicyCaller {
  readonly memberId: string;
  readonly userId: string;
  readonly email: string;
  /** Names of the workspace's groups. */
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly clientId: string;
  readonly scopes: readonly string[];
}

/** What is called, out of the pinned catalogue. Treated as immutable, like the caller. */
export interface PolicyTool {
  /** As clients see it: `<slug>_<tool>`. */
  readonly name: string;
  readonly upstreamName: string;
  /** The connection's slug. */
  readonly connection: string;
  readonly class: ToolClass;
  readonly labels: readonly string[];
}

export interface PolicyContext {
  readonly now: Date;
  readonly sourceIp?: string | undefined;
}

export interface PolicyInput {
  readonly caller: PolicyCaller;
  readonly tool: PolicyTool;
  /** The call's arguments, as parsed JSON. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly context: PolicyContext;
}

export interface Decision {
  readonly effect: 'allow' | 'deny';
  /** The rule that decided; absent when the policy's default did. */
  readonly ruleId?: string;
  /** Of a refusal: the sentence for the person, without the "Permission denied: " in front. */
  readonly message?: string;
  /** The rules that were seen to match, the deciding one last; `<id> (error)` where a condition failed. */
  readonly trace: readonly string[];
}
