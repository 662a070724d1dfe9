import { expect, test } from 'vitest';
import { problemsOf } from '../support/expectations.js';
import type { Check } from '../support/suite.js';

const check = (id: string, status: Check['status']): Check => ({ id, status, description: id });
const known = (fails: string) => ({ fails, reason: 'known' });

test('a scenario whose checks succeed has no problem', () => {
  expect(problemsOf('ping', [check('ping', 'SUCCESS'), check('note', 'INFO')], [])).toEqual([]);
});

test.each(['FAILURE', 'WARNING', 'SKIPPED'] as const)('a check with %s is a problem', (status) => {
  expect(problemsOf('ping', [check('a', 'SUCCESS'), check('b', status)], [])).toEqual([
    `${status} b: b`,
  ]);
});

test('a scenario that the suite says nothing about is a problem', () => {
  expect(problemsOf('ping', undefined, [])).toHaveLength(1);
  expect(problemsOf('ping', [], [])).toHaveLength(1);
});

test('a scenario in which nothing was checked is a problem, and may be expected', () => {
  const checks = [check('note', 'INFO')];
  expect(problemsOf('ping', checks, [])).toEqual(['SKIPPED ping: Nothing was checked.']);
  expect(problemsOf('ping', checks, [known('ping')])).toEqual([]);
});

test('an expected failure is none, of a scenario or of one check alone', () => {
  const checks = [check('a', 'FAILURE'), check('b', 'FAILURE')];
  expect(problemsOf('ping', checks, [known('ping')])).toEqual([]);
  expect(problemsOf('ping', checks, [known('ping:a')])).toEqual(['FAILURE b: b']);
  expect(problemsOf('ping', checks, [known('pong')])).toHaveLength(2);
});

test('an expected failure that passes is a problem', () => {
  const checks = [check('a', 'SUCCESS')];
  expect(problemsOf('ping', checks, [known('ping')])).toHaveLength(1);
  expect(problemsOf('ping', checks, [known('ping:a')])).toHaveLength(1);
});
