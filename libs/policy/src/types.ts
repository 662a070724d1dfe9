import type { Approvers, Redact, ToolClass, ToolLabel } from '@conducktor/contracts';
import type { RE2JS } from 're2js';
import type { FieldPath } from './redact/field-path.js';

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
  /**
   * Labels of what this person's client was given within the taint window. Absent: not looked up, which is
   * right only where `policy.asksSeen(caller, tool)` is false.
   */
  readonly seen?: ReadonlySet<ToolLabel> | undefined;
}

export interface PolicyInput {
  readonly caller: PolicyCaller;
  readonly tool: PolicyTool;
  /** The call's arguments, as parsed JSON. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly context: PolicyContext;
}

/** What one rule wants before the call is made. */
export interface ApprovalDemand {
  readonly ruleId: string;
  readonly approvers: Approvers;
  readonly expiresMs: number;
  readonly onApproval: 'run' | 'wait';
  readonly message?: string | undefined;
}

export interface Decision {
  /** Refusal over approval over allowance, whatever the order of the rules. */
  readonly effect: 'allow' | 'deny' | 'require_approval';
  /** The rule that decided (of several that want approval: the first of the document); absent when the default did. */
  readonly ruleId?: string;
  /** Of a refusal: the sentence for the person, without the "Permission denied: " in front. */
  readonly message?: string;
  /** The rules that were seen to match, the deciding one last; `<id> (error)` where a condition failed. */
  readonly trace: readonly string[];
  /** Of `require_approval`: what every rule that matched wants, in the document's order; all must be met. */
  readonly approvals?: readonly ApprovalDemand[];
  /** What is taken out of result and audit, of every matching rule; absent: nothing. */
  readonly redactions?: readonly Redaction[];
}

/** A rule's `redact`, prepared. Use `redactJson` to apply. */
export interface Redaction {
  readonly ruleId: string;
  readonly from: ReadonlySet<'result' | 'audit'>;
  readonly paths: readonly FieldPath[];
  readonly kinds: readonly NonNullable<Redact['kinds']>[number][];
  readonly patterns: readonly RE2JS[];
  /** What stands in place of what was taken out. */
  readonly with: string;
}
