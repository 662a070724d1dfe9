import type { PolicyRule } from '@conducktor/contracts';
import { parsePolicy, PolicyError, readYaml } from '@conducktor/policy';
import { stringify } from 'yaml';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { activeSource } from './active-version.js';
import { addToSource, inOrder } from './add-to-source.js';
import { createPolicy } from './create-policy.js';

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
  const { basedOn, source } = await activeSource(control, caller);
  const text = addToSource(source, { rules: [raw] });
  const rule = parsePolicy(text).rules.at(-1)!;
  const { version } = await createPolicy(control, caller, text);
  const diff = stringify([raw])
    .trimEnd()
    .split('\n')
    .map((line) => `+ ${line}`)
    .join('\n');
  return { version, basedOn, rule, diff };
}

/** One rule out of YAML or JSON text: a mapping, or a list of one. */
function readRule(text: string): Record<string, unknown> {
  const read = readYaml(text);
  if ('problem' in read) throw unreadable(read.problem);
  const { value } = read;
  const rule: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule))
    throw unreadable('must be one rule, such as "id: …, when: …, effect: deny"');
  return rule as Record<string, unknown>;
}

const unreadable = (problem: string) => new PolicyError([{ rule: 'rule', field: 'rule', problem }]);
