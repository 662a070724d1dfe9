import { ConducktorError, PolicyDocument, type PolicyRule } from '@conducktor/contracts';
import { compileCondition } from './condition/compile.js';
import { TOO_LARGE } from './condition/environment.js';
import { isGlob } from './glob.js';
import { readYaml } from './read-yaml.js';
import { redactInstructions, redactProblems } from './redact/compile.js';
import { isTimeZone } from './time-window.js';

// A document of 2,000 rules with messages stays well under this.
const MAX_TEXT = 512 * 1024;
// Of all patterns of a document: some 5 µs each to compile, and kept for as long as it decides.
const MAX_INSTRUCTIONS = 200_000;
// Each of them is tried on every tool of the workspace when the document becomes active.
const MAX_GLOBS = 5_000;
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
  const read = readYaml(text);
  return 'problem' in read ? fail(read.problem) : read.value;
}

function fail(problem: string): never {
  throw new PolicyError([{ field: 'document', problem }]);
}

function* crossChecks(document: PolicyDocument): Generator<PolicyProblem> {
  const seen = new Set<string>();
  let instructions = 0;
  for (const rule of document.rules) {
    const { id } = rule;
    if (seen.has(id)) yield { rule: id, field: 'id', problem: 'is used twice' };
    seen.add(id);
    yield* effectChecks(rule);
    yield* timeChecks(rule);
    for (const { field, problem } of patternChecks(rule)) {
      yield { rule: id, field, problem };
      // What comes after it might take as long to compile.
      if (problem.endsWith(TOO_LARGE)) return;
    }
    instructions += instructionsOf(rule);
    if (instructions > MAX_INSTRUCTIONS) {
      yield { field: 'rules', problem: 'have patterns that are too large together' };
      return;
    }
  }
  if (globsOf(document) > MAX_GLOBS)
    yield { field: 'rules', problem: `have more than ${MAX_GLOBS} names with "*" together` };
  for (const [index, test] of document.tests.entries()) {
    if (test.rule !== undefined && !seen.has(test.rule))
      yield { field: `tests[${index}].rule`, problem: `names no rule of this policy` };
  }
}

function globsOf({ rules }: PolicyDocument): number {
  return rules.reduce(
    (sum, { when: { tools = [], connections = [] } }) =>
      sum + tools.filter(isGlob).length + connections.filter(isGlob).length,
    0,
  );
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
}

function* timeChecks({ id, when: { time } }: PolicyRule): Generator<PolicyProblem> {
  if (time && !isTimeZone(time.zone))
    yield { rule: id, field: 'when.time.zone', problem: 'is not a known time zone' };
  if (time && (time.from === undefined) !== (time.to === undefined))
    yield { rule: id, field: 'when.time', problem: 'needs both "from" and "to", or neither' };
}

/** Of what has to be compiled to be checked. */
function* patternChecks({ when, redact }: PolicyRule): Generator<Omit<PolicyProblem, 'rule'>> {
  if (redact) yield* redactProblems(redact);
  if (when.if === undefined) return;
  const compiled = compileCondition(when.if);
  if ('error' in compiled) yield { field: 'when.if', problem: compiled.error };
}

/** Of the patterns of a rule that can be compiled. */
function instructionsOf({ when, redact }: PolicyRule): number {
  const compiled = when.if === undefined ? undefined : compileCondition(when.if);
  const ofCondition = compiled && 'condition' in compiled ? compiled.condition.instructions : 0;
  return ofCondition + redactInstructions(redact);
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
