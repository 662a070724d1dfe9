import { beforeAll, describe, expect, test } from 'vitest';
import { clientScenariosOf, runClientSuite } from '../client/run.js';
import { problemsOf } from '../support/expectations.js';
import type { Check, SuiteRun } from '../support/suite.js';

// Requests that a client of 2026-07-28 does not make; the suite says that it saw none.
const NOT_MADE = ['initialize', 'notifications/initialized'];
const isMade = ({ status, description }: Check) =>
  status !== 'SKIPPED' || !NOT_MADE.some((method) => description.includes(` ${method} request`));

describe.each(['2025-11-25', '2026-07-28'] as const)(
  'our upstream side as a client of %s',
  (revision) => {
    let run: SuiteRun;
    beforeAll(async () => (run = await runClientSuite(revision)), 60_000);

    test.each(clientScenariosOf(revision))('%s', (scenario) => {
      const checks = run.get(scenario)?.filter(isMade);
      expect(problemsOf(scenario, checks, [])).toEqual([]);
      expect(checks!.some(({ status }) => status === 'SUCCESS')).toBe(true);
    });
  },
);
