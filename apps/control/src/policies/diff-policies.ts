import { isDeepStrictEqual } from 'node:util';
import type { PolicyDiff, PolicyDocument, PolicyRule } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { getPolicy } from './read-policies.js';

type FieldChange = PolicyDiff['settings'][number];

/** What `to` has otherwise than `from`: rules by their ids, field by field. */
export async function diffPolicies(
  control: Pick<Control, 'prisma'>,
  caller: Caller,
  fromText: string,
  toText: string,
): Promise<PolicyDiff> {
  const from = await getPolicy(control, caller, fromText);
  const to = await getPolicy(control, caller, toText);
  const difference = differenceOf(from.document, to.document);
  return { from: from.version, to: to.version, same: isEmpty(difference), ...difference };
}

function differenceOf(
  before: PolicyDocument,
  after: PolicyDocument,
): Omit<PolicyDiff, 'from' | 'to' | 'same'> {
  const old = new Map(before.rules.map((rule) => [rule.id, rule]));
  const kept = new Set(after.rules.map(({ id }) => id));
  return {
    settings: changedFields(
      { default: before.default, taint: before.taint },
      { default: after.default, taint: after.taint },
    ),
    rules: {
      added: after.rules.filter(({ id }) => !old.has(id)),
      removed: before.rules.filter(({ id }) => !kept.has(id)),
      changed: after.rules.flatMap((rule) => {
        const was = old.get(rule.id);
        const fields = was ? changedFields(was, rule) : [];
        return fields.length > 0 ? [{ rule: rule.id, fields }] : [];
      }),
    },
    tests: {
      added: without(after.tests, before.tests),
      removed: without(before.tests, after.tests),
    },
  };
}

/** Those of `some` that are not among `others`, compared as a whole: tests need no name. */
function without<Item>(some: readonly Item[], others: readonly Item[]): Item[] {
  const known = new Set(others.map(asText));
  return some.filter((each) => !known.has(asText(each)));
}

// Written the same way whatever the order of keys, which YAML leaves to its author.
const asText = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );

/** The parts of a rule that have fields of their own; lists are compared as a whole. */
const NESTED = new Set(['when', 'when.time', 'approvers', 'redact', 'taint']);

function changedFields(
  before: Partial<PolicyRule> | object,
  after: Partial<PolicyRule> | object,
  inside = '',
): FieldChange[] {
  const [old, now] = [before as Record<string, unknown>, after as Record<string, unknown>];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort().flatMap((key) => {
    const field = `${inside}${key}`;
    if (isDeepStrictEqual(old[key], now[key])) return [];
    if (NESTED.has(field) && old[key] !== undefined && now[key] !== undefined)
      return changedFields(old[key] as object, now[key] as object, `${field}.`);
    return [{ field, before: old[key] ?? null, after: now[key] ?? null }];
  });
}

const isEmpty = ({ settings, rules, tests }: ReturnType<typeof differenceOf>) =>
  [settings, rules.added, rules.removed, rules.changed, tests.added, tests.removed].every(
    (list) => list.length === 0,
  );
