import { ConducktorError, PolicyDocument, type PolicyRule } from '@conducktor/contracts';
import { parseDocument } from 'yaml';
import { compileCondition } from './condition/compile.js';
import { redactProblems } from './redact/compile.js';
import { isTimeZone } from './time-window.js';

// A document of 2,000 rules with messages stays well under this.
const MAX_TEXT = 512 * 1024;
export const NEEDS_APPROVERS = 'is missing; say who approves, such as { group: admins }';

export interface PolicyProblem {
  /** The rule's id, or its position when it has none ("rule 3"). Absent for the document itself. */
  rule?: string;
  /** Path inside the rule or document, such as `when.if`. */
  field: string;
  problem: string;
}

/** Every problem of a document at once, as one readable sentence each. */
export class PolicyError extends ConducktorError {
  constructor(readonly problems: readonly PolicyProblem[]) {
    super('invalid_request', problems.slice(0, 20).map(sentenceOf).join(' '), {
      detail: { problems: problems.slice(0, 20) },
    });
    this.name = 'PolicyError';
  }
}

/**
 * Reads a policy from YAML or JSON text, or from an object. Conditions and time zones are checked
 * too, so that what this returns always compiles. Throws PolicyError naming rule and field.
 */
export function parsePolicy(source: string | object): PolicyDocument {
  const raw = typeof source === 'string' ? readText(source) : source;
  const parsed = PolicyDocument.safeParse(raw);
  if (!parsed.success) {
    throw new PolicyError(
      parsed.error.issues.map((issue) => placeOf(raw, issue.path, unknownKeys(issue))),
    );
  }
  const problems = [...crossChecks(parsed.data)];
  if (problems.length > 0) throw new PolicyError(problems);
  return parsed.data;
}

function readText(text: string): unknown {
  if (text.length > MAX_TEXT) fail(`is longer than ${MAX_TEXT / 1024} KiB`);
  // Aliases could multiply a small text into a huge document; a policy needs none.
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  const [error] = document.errors;
  if (error) fail(`is not readable YAML or JSON: ${error.message.split('\n')[0]}`);
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    return fail('uses YAML aliases, which are not allowed here');
  }
}

function fail(problem: string): never {
  throw new PolicyError([{ field: 'document', problem }]);
}

function* crossChecks(document: PolicyDocument): Generator<PolicyProblem> {
  const seen = new Set<string>();
  for (const rule of document.rules) {
    if (seen.has(rule.id)) yield { rule: rule.id, field: 'id', problem: 'is used twice' };
    seen.add(rule.id);
    yield* effectChecks(rule);
    const { time, if: condition } = rule.when;
    if (time && !isTimeZone(time.zone))
      yield { rule: rule.id, field: 'when.time.zone', problem: 'is not a known time zone' };
    if (time && (time.from === undefined) !== (time.to === undefined))
      yield {
        rule: rule.id,
        field: 'when.time',
        problem: 'needs both "from" and "to", or neither',
      };
    if (condition === undefined) continue;
    const compiled = compileCondition(condition);
    if ('error' in compiled) yield { rule: rule.id, field: 'when.if', problem: compiled.error };
  }
  for (const [index, test] of document.tests.entries()) {
    if (test.rule !== undefined && !seen.has(test.rule))
      yield { field: `tests[${index}].rule`, problem: `names no rule of this policy` };
  }
}

/** What belongs to one effect: needed there, and without meaning anywhere else. */
function* effectChecks(rule: PolicyRule): Generator<PolicyProblem> {
  const { id, effect } = rule;
  if (effect === 'require_approval' && !rule.approvers)
    yield { rule: id, field: 'approvers', problem: NEEDS_APPROVERS };
  if (effect === 'redact' && !rule.redact)
    yield {
      rule: id,
      field: 'redact',
      problem: 'is missing; say what is taken out, such as { kinds: [email] }',
    };
  for (const [field, belongsTo] of BELONGS_TO)
    if (rule[field] !== undefined && effect !== belongsTo)
      yield { rule: id, field, problem: `belongs to rules with "effect: ${belongsTo}"` };
  if (rule.redact)
    for (const problem of redactProblems(rule.redact)) yield { rule: id, ...problem };
}

const BELONGS_TO = [
  ['approvers', 'require_approval'],
  ['expires', 'require_approval'],
  ['onApproval', 'require_approval'],
  ['redact', 'redact'],
] as const;

/** Turns a path of zod into the rule's id and the field inside it. */
function placeOf(raw: unknown, path: readonly PropertyKey[], problem: string): PolicyProblem {
  const [head, index, ...rest] = path;
  if (head !== 'rules' || typeof index !== 'number')
    return { field: fieldOf(path) || 'document', problem };
  const rules = (raw as { rules?: { id?: unknown }[] }).rules;
  const id = rules?.[index]?.id;
  return {
    rule: typeof id === 'string' && id !== '' ? id : `rule ${index + 1}`,
    field: fieldOf(rest) || 'rule',
    problem,
  };
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

function unknownKeys(issue: { code: string; message: string }): string {
  const keys = (issue as { keys?: string[] }).keys;
  if (issue.code === 'unrecognized_keys' && keys)
    return `has ${keys.length > 1 ? 'unknown fields' : 'an unknown field'}: ${keys.join(', ')}`;
  return issue.message;
}

function sentenceOf(problem: PolicyProblem): string {
  const place = problem.rule
    ? `Rule "${problem.rule}", ${problem.field}`
    : `Policy, ${problem.field}`;
  return `${place}: ${problem.problem}.`;
}
