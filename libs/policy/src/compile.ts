import {
  spanMs,
  type PolicyDocument,
  type PolicyEffect,
  type PolicyRule,
} from '@conducktor/contracts';
import { compileCondition, type Condition } from './condition/compile.js';
import { callerMatcher, toolMatcher } from './matchers.js';
import { NEEDS_APPROVERS, PolicyError } from './parse.js';
import { compileRedaction } from './redact/compile.js';
import { compileTimeWindow } from './time-window.js';
import type { ApprovalDemand, PolicyCaller, PolicyTool, Redaction } from './types.js';

export interface CompiledRule {
  /** Its index among the document's rules. */
  readonly place: number;
  readonly id: string;
  readonly effect: PolicyEffect;
  readonly message: string | undefined;
  readonly list: boolean;
  /** Whether the rule is about this tool; asked once per tool and remembered. */
  readonly tool: (tool: PolicyTool) => boolean;
  /** Whether the rule is about this caller; undefined: about everybody. */
  readonly caller: ((caller: PolicyCaller) => boolean) | undefined;
  /** What is left to ask at each call. */
  readonly time: ((now: Date) => boolean) | undefined;
  readonly seen: readonly ('private' | 'untrusted')[] | undefined;
  readonly condition: Condition | undefined;
  /** Of `require_approval`. */
  readonly demand: ApprovalDemand | undefined;
  /** Of `redact`. */
  readonly redaction: Redaction | undefined;
}

/** Rules about one caller and one tool, in the order in which a decision asks them. */
export interface Candidates {
  /** The first refusal that holds whatever the arguments and the time. */
  readonly always: CompiledRule | undefined;
  readonly denials: readonly CompiledRule[];
  /** Rules that want approval and rules that redact: each of them is asked. */
  readonly approvals: readonly CompiledRule[];
  readonly redactions: readonly CompiledRule[];
  readonly allowedAlways: CompiledRule | undefined;
  readonly allowances: readonly CompiledRule[];
  /** Whether one of them asks what the caller was given before. */
  readonly asksSeen: boolean;
}

export interface CompiledPolicy {
  readonly document: PolicyDocument;
  readonly rules: readonly CompiledRule[];
  /** Same caller and tool objects as before: answered from memory. */
  candidates(caller: PolicyCaller, tool: PolicyTool): Candidates;
  /** Whether a decision needs `context.seen`: without it, a rule that asks for it fails, and so refuses. */
  asksSeen(caller: PolicyCaller, tool: PolicyTool): boolean;
  /** How long what somebody was given counts as seen, in milliseconds. */
  readonly window: number;
}

/**
 * Prepares a document (from `parsePolicy`) for deciding. Throws PolicyError when a condition does
 * not compile. What it remembers about callers and tools lives as long as those objects.
 */
export function compilePolicy(document: PolicyDocument): CompiledPolicy {
  const rules = document.rules.map(compileRule);
  const about = kindsBy((tool: PolicyTool) => rules.filter((rule) => rule.tool(tool)), indexOf);
  const callerRules = rules.filter((rule) => rule.caller);
  const kindOf = kindsBy(
    (caller: PolicyCaller) => callerRules.filter((rule) => rule.caller!(caller)),
    (held) => new Set(held),
  );
  const candidates = (caller: PolicyCaller, tool: PolicyTool) => {
    const index = about(tool);
    return index.forEverybody ?? index.candidates(kindOf(caller));
  };
  return {
    document,
    rules,
    candidates,
    asksSeen: (caller, tool) => candidates(caller, tool).asksSeen,
    window: spanMs(document.taint.window),
  };
}

/**
 * What is made of the rules that fit an object: remembered with the object, and one for all objects that
 * the same rules fit. A workspace of 5,000 tools and 1,000 people has a handful of each kind.
 */
function kindsBy<Seen extends object, Kind>(
  fitting: (seen: Seen) => readonly CompiledRule[],
  make: (fitting: readonly CompiledRule[]) => Kind,
): (seen: Seen) => Kind {
  const bySeen = new WeakMap<Seen, Kind>();
  const byRules = new Map<string, Kind>();
  return (seen) => {
    let kind = bySeen.get(seen);
    if (kind === undefined) {
      const rules = fitting(seen);
      // Their places as text: 2,000 ids for each of 5,000 tools would be 640 MB of keys.
      const key = String.fromCharCode(...rules.map(({ place }) => place));
      kind = byRules.get(key);
      if (kind === undefined) byRules.set(key, (kind = make(rules)));
      bySeen.set(seen, kind);
    }
    return kind;
  };
}

/** The rules that are about a caller and have a say on that; one object for all callers of the kind. */
type CallerKind = ReadonlySet<CompiledRule>;

interface ToolIndex {
  /** Where no rule asks who calls. */
  forEverybody: Candidates | undefined;
  candidates(kind: CallerKind): Candidates;
}

function indexOf(rules: readonly CompiledRule[]): ToolIndex {
  const byKind = new Map<CallerKind, Candidates>();
  return {
    forEverybody: rules.every((rule) => rule.caller === undefined) ? sortOut(rules) : undefined,
    candidates: (kind) => {
      let known = byKind.get(kind);
      if (!known) {
        known = sortOut(rules.filter((rule) => !rule.caller || kind.has(rule)));
        byKind.set(kind, known);
      }
      return known;
    },
  };
}

/** Whether nothing of it is left to ask at each call. */
export const isUnconditional = (rule: CompiledRule) => !rule.time && !rule.seen && !rule.condition;

function sortOut(rules: readonly CompiledRule[]): Candidates {
  const of = (effect: PolicyEffect) => rules.filter((rule) => rule.effect === effect);
  const denials = of('deny');
  const allowances = of('allow');
  const always = denials.find(isUnconditional);
  return {
    always,
    denials: denials.filter((rule) => !isUnconditional(rule)),
    approvals: of('require_approval'),
    redactions: of('redact'),
    allowedAlways: allowances.find(isUnconditional),
    allowances: allowances.filter((rule) => !isUnconditional(rule)).sort(byId),
    asksSeen: !always && rules.some((rule) => rule.seen),
  };
}

// Where the work of conditions runs out, which allowances were asked before must not hang on their order
// in the document.
const byId = (a: CompiledRule, b: CompiledRule) => (a.id < b.id ? -1 : 1);

function compileRule(rule: PolicyRule, place: number): CompiledRule {
  const { when } = rule;
  return {
    place,
    id: rule.id,
    effect: rule.effect,
    message: rule.message,
    list: rule.list ?? false,
    tool: toolMatcher(rule),
    caller: callerMatcher(rule),
    time: when.time && compileTimeWindow(when.time),
    seen: when.seen,
    condition: when.if === undefined ? undefined : conditionOf(rule.id, when.if),
    demand: demandOf(rule),
    redaction: rule.redact && compileRedaction(rule.id, rule.redact),
  };
}

const DEFAULT_EXPIRES = '24h';

function demandOf({ id, effect, approvers, expires, onApproval, message }: PolicyRule) {
  if (effect !== 'require_approval') return undefined;
  // Else nobody could be asked, and nothing would be demanded.
  if (!approvers)
    throw new PolicyError([{ rule: id, field: 'approvers', problem: NEEDS_APPROVERS }]);
  return {
    ruleId: id,
    approvers,
    expiresMs: spanMs(expires ?? DEFAULT_EXPIRES),
    onApproval: onApproval ?? 'run',
    message,
  } satisfies ApprovalDemand;
}

function conditionOf(ruleId: string, source: string): Condition {
  const compiled = compileCondition(source);
  if ('condition' in compiled) return compiled.condition;
  throw new PolicyError([{ rule: ruleId, field: 'when.if', problem: compiled.error }]);
}
