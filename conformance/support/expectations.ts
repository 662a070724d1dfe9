import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Check } from './suite.js';

/** A failure that is known: a whole scenario, or one check of it as `scenario:check`. */
export interface Expectation {
  fails: string;
  reason: string;
}

const FILE = join(import.meta.dirname, '../expected-failures.yaml');

/** The known failures of a pair. @throws when an entry says no reason. */
export function expectationsOf(pair: string): Expectation[] {
  const file = parse(readFileSync(FILE, 'utf8')) as Record<string, Expectation[] | null>;
  const entries = file[pair] ?? [];
  for (const { fails, reason } of entries) {
    if (!fails || !reason) throw new Error(`${pair}: an expected failure needs a reason`);
  }
  return entries;
}

/**
 * What is wrong with a scenario, one line each; empty when everything is as expected. A warning and a
 * check that could not be made count like a failure, and so does a scenario in which nothing was
 * checked: what the fixture offers must come through.
 * An expected failure that does not occur is wrong too, so that the list stays true.
 */
export function problemsOf(
  scenario: string,
  checks: readonly Check[] | undefined,
  expectations: readonly Expectation[],
): string[] {
  if (!checks || checks.length === 0) return ['The suite wrote no checks for it.'];
  const wrong = checks.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO');
  const applied = checks.some(({ status }) => status !== 'INFO');
  const failed: Check[] = applied
    ? wrong
    : [{ id: scenario, status: 'SKIPPED', description: 'Nothing was checked.' }];
  const own = expectations.filter(({ fails }) => fails.split(':')[0] === scenario);
  const expected = new Set(own.map(({ fails }) => fails));
  const unexpected = failed.filter(
    ({ id }) => !expected.has(scenario) && !expected.has(`${scenario}:${id}`),
  );
  const stale = [...expected].filter((fails) =>
    fails === scenario
      ? failed.length === 0
      : !failed.some(({ id }) => fails === `${scenario}:${id}`),
  );
  return [
    ...unexpected.map(
      ({ id, status, errorMessage, description }) =>
        `${status} ${id}: ${errorMessage ?? description}`,
    ),
    ...stale.map((fails) => `${fails} is in expected-failures.yaml, and passes.`),
  ];
}
