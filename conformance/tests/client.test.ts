import { beforeAll, describe, expect, test } from 'vitest';
import { clientScenariosOf, runClientSuite } from '../client/run.js';
import { problemsOf } from '../support/expectations.js';
import type { Check, SuiteRun } from '../support/suite.js';

// Requests that a client of 2026-07-28 does not make; the suite says that it saw none.
const NOT_MADE = ['initialize', 'notifications/initialized'];
const isMade = ({ status, description }: Check) =>
  status !== 'SKIPPED' || !NOT_MADE.some((method) => description.includes(` ${method} request`));

const expectAllRight = (scenario: string, run: SuiteRun) => {
  const checks = run.get(scenario)?.filter(isMade);
  expect(problemsOf(scenario, checks, [])).toEqual([]);
  expect(checks!.some(({ status }) => status === 'SUCCESS')).toBe(true);
};

describe.each(['2025-11-25', '2026-07-28'] as const)('our side as a client of %s', (revision) => {
  let run: SuiteRun;
  beforeAll(async () => (run = await runClientSuite('--requirements', revision)), 60_000);

  test.each(clientScenariosOf(revision))('%s', (scenario) => expectAllRight(scenario, run));
});

// Older revisions have no requirement sets; these are the scenarios that the suite has for them.
describe('our sign-in at authorization servers as they were before', () => {
  test('2025-06-18: every way to authenticate', { timeout: 60_000 }, async () => {
    const run = await runClientSuite('--suite', 'auth', '--spec-version', '2025-06-18');
    for (const method of ['basic', 'post', 'none'])
      expectAllRight(`auth/token-endpoint-auth-${method}`, run);
  });

  test.each([
    'auth/2025-03-26-oauth-metadata-backcompat',
    'auth/2025-03-26-oauth-endpoint-fallback',
  ])('%s', { timeout: 60_000 }, async (scenario) =>
    expectAllRight(scenario, await runClientSuite('--scenario', scenario)),
  );
});
