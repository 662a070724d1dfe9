import { ConducktorError, type PolicyRule } from '@conducktor/contracts';
import { parsePolicy, PolicyError } from '@conducktor/policy';
import { parseDocument, stringify, YAMLSeq } from 'yaml';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { activeVersion } from './active-version.js';
import { createPolicy } from './create-policy.js';
import { getPolicy } from './read-policies.js';

// Without an active version nothing is allowed; a draft of it begins there.
const NOTHING = 'version: 1\ndefault: deny\nrules: []\n';

export interface Draft {
  version: number;
  basedOn: number | null;
  rule: PolicyRule;
  /** The rule as it stands in the document, each line after "+ ". */
  diff: string;
}

/**
 * Stores the active version with one more rule as a draft; its comments stay. Throws PolicyError
 * naming the rule and field for one that cannot work.
 */
export async function draftWithRule(
  control: Pick<Control, 'prisma'>,
  caller: Caller,
  wanted: string | Record<string, unknown>,
): Promise<Draft> {
  const raw = inOrder(typeof wanted === 'string' ? readRule(wanted) : wanted);
  const basedOn = await activeVersion(control, caller);
  const source =
    basedOn === null ? NOTHING : (await getPolicy(control, caller, String(basedOn))).source;
  const text = withRule(source, raw);
  const rule = parsePolicy(text).rules.at(-1)!;
  const { version } = await createPolicy(control, caller, text);
  const diff = stringify([raw])
    .trimEnd()
    .split('\n')
    .map((line) => `+ ${line}`)
    .join('\n');
  return { version, basedOn, rule, diff };
}

// As people write them; canonical JSON comes in the order of the alphabet.
const FIELDS = ['id', 'description', 'when', 'effect', 'message', 'list'];

function inOrder(rule: Record<string, unknown>): Record<string, unknown> {
  const known = FIELDS.filter((field) => field in rule).map((field) => [field, rule[field]]);
  return { ...Object.fromEntries(known), ...rule };
}

/** One rule out of YAML or JSON text: a mapping, or a list of one. */
function readRule(text: string): Record<string, unknown> {
  const document = parseDocument(text, { uniqueKeys: true });
  const [error] = document.errors;
  if (error) throw unreadable(`is not readable YAML or JSON: ${error.message.split('\n')[0]}`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch {
    throw unreadable('uses YAML aliases, which are not allowed here');
  }
  const rule: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule))
    throw unreadable('must be one rule, such as "id: …, when: …, effect: deny"');
  return rule as Record<string, unknown>;
}

const unreadable = (problem: string) => new PolicyError([{ rule: 'rule', field: 'rule', problem }]);

function withRule(source: string, rule: Record<string, unknown>): string {
  const document = parseDocument(source);
  if (document.errors.length > 0)
    throw new ConducktorError('conflict', 'The active policy cannot be read; store a new one.');
  const rules = document.get('rules');
  if (rules instanceof YAMLSeq) {
    // `[]` would take the rule on its one line.
    if (rules.items.length === 0) rules.flow = false;
    rules.add(document.createNode(rule));
  } else document.set('rules', document.createNode([rule]));
  return String(document);
}
