import type { PolicyRule, PolicyTest } from '@conducktor/contracts';
import { parsePolicy, PolicyError } from '../parse.js';
import { approveAllWrites, approveDestructive } from './approve-writes.js';
import { businessHours } from './business-hours.js';
import { nothingLeaves } from './nothing-leaves.js';
import { readOnlyContractors } from './read-only-contractors.js';
import type { ReadyMade, ReadyMadeParameter, ReadyMadeValue } from './types.js';

export const READY_MADE: readonly ReadyMade[] = [
  readOnlyContractors,
  approveAllWrites,
  approveDestructive,
  businessHours,
  nothingLeaves,
];

/**
 * The rules of a ready-made policy, and tests that hold wherever they are added. Parameters that are not
 * given have their defaults. Throws PolicyError for an id that is none, and for parameters of another
 * name or kind, or of which no rule can be made.
 */
export function readyMade(
  id: string,
  parameters: Readonly<Record<string, unknown>> = {},
): { rules: PolicyRule[]; tests: PolicyTest[] } {
  const policy = READY_MADE.find((each) => each.id === id);
  if (!policy) return fail('id', `must be one of ${READY_MADE.map((each) => each.id).join(', ')}`);
  const known = policy.parameters.map(({ name }) => name);
  for (const name of Object.keys(parameters))
    if (!known.includes(name))
      fail(`parameters.${name}`, `is none of this policy, which has ${known.join(', ')}`);
  const values = Object.fromEntries(
    policy.parameters.map((parameter) => [parameter.name, valueOf(parameter, parameters)]),
  );
  const { rules, tests } = parsePolicy({ version: 1, default: 'allow', ...policy.make(values) });
  return { rules, tests };
}

function valueOf(
  { name, default: otherwise }: ReadyMadeParameter,
  parameters: Readonly<Record<string, unknown>>,
): ReadyMadeValue {
  const given = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (given === undefined) return otherwise;
  if (Array.isArray(otherwise)) {
    const isList =
      Array.isArray(given) && given.length > 0 && given.every((each) => typeof each === 'string');
    return isList ? given : fail(`parameters.${name}`, 'must be a list of names');
  }
  if (typeof given === typeof otherwise) return given as ReadyMadeValue;
  return fail(`parameters.${name}`, `must be a ${typeof otherwise}`);
}

function fail(field: string, problem: string): never {
  throw new PolicyError([{ field, problem }]);
}
