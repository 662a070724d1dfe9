import type { AlertView } from '@conducktor/contracts';
import { named } from '@conducktor/mail';
import { describe, expect, it } from 'vitest';
import { alertWords } from '../alert-words.js';

const BUDGET = 'bud_0123456789abcdef012345';
const given = { id: 'alr_0123456789abcdef012345', at: '2026-03-04T05:06:07.000Z', endedAt: null };
const facts = {
  budgetId: BUDGET,
  name: null,
  scope: { kind: 'tenant' as const, id: null, name: null },
  period: 'month' as const,
  periodStart: '2026-03-01T00:00:00.000Z',
  periodEnd: '2026-04-01T00:00:00.000Z',
  limitMicros: 100_000_000,
  spentMicros: 82_500_000,
  currency: 'USD',
};
const threshold = (more: object): AlertView => ({
  ...given,
  kind: 'budget.threshold',
  subjectId: BUDGET,
  told: true,
  detail: { ...facts, threshold: 80, refusedAt: null, ...more },
});

describe('an alert in words', () => {
  it('of a threshold says how much of what is spent, until when it refuses, and what to do', () => {
    expect(alertWords(threshold({}))).toEqual({
      headline: '80 % spent: monthly budget of the workspace',
      what: 'Of the monthly budget of the workspace, $82.50 of $100 is spent (82 %) in the period that ends on 2026-04-01 00:00 UTC.',
      todo: `It refuses nothing that fits. At the limit, calls with a price are refused until 2026-04-01 00:00 UTC. To let more through, raise its limit: PATCH /api/v1/budgets/${BUDGET}. GET /api/v1/usage?groupBy=tool,member says what it is spent on.`,
    });
    expect(
      alertWords(
        threshold({
          threshold: 100,
          refusedAt: given.at,
          period: 'rolling-30d',
          periodEnd: null,
          name: 'Sales',
          scope: { kind: 'connection', id: 'con_1', name: 'crm' },
        }),
      ),
    ).toMatchObject({
      headline: 'Calls are refused: 30-day budget of the connection crm ("Sales")',
      what: 'A call was refused on 2026-03-04 05:06 UTC because the 30-day budget of the connection crm ("Sales") has no room for it: $82.50 of $100 is spent (82 %) in 30 days.',
      // Else a budget of which little is spent refuses for no reason that anybody can read.
      todo: expect.stringContaining('What is reserved counts, too: GET /api/v1/held-calls'),
    });
    expect(
      alertWords(threshold({ limitMicros: 0, spentMicros: 0, refusedAt: given.at })).what,
    ).toContain('$0 of $0 is spent in the period');
  });

  it('of a forecast says what it comes to and when the limit is reached', () => {
    const { what, todo } = alertWords({
      ...given,
      kind: 'budget.forecast',
      subjectId: BUDGET,
      told: true,
      detail: {
        ...facts,
        currency: 'EUR',
        forecastMicros: 131_237_456,
        reachedAt: '2026-03-25T10:00:00.000Z',
      },
    });
    expect(what).toBe(
      'At the pace so far, the monthly budget of the workspace comes to about €131.24 by 2026-04-01 00:00 UTC; its limit is €100. Spent is €82.50.',
    );
    expect(todo).toMatch(/^At that pace the limit is reached about 2026-03-25 10:00 UTC, /);
  });

  it('of unusual usage says what is unusual, and of which connection most of it is', () => {
    const { headline, what, todo } = alertWords({
      ...given,
      kind: 'spend.unusual',
      subjectId: 'ten_1',
      told: true,
      detail: {
        day: '2026-03-04',
        calls: 620,
        usualCalls: 110,
        costMicros: 40_000_000,
        usualCostMicros: null,
        currency: 'USD',
        mostBy: { connection: 'crm', calls: 600, costMicros: 39_000_000 },
      },
    });
    expect(headline).toBe('Unusually many calls: 2026-03-04');
    expect(what).toBe(
      'Today this workspace has made 620 calls; by this time on this weekday it is usually about 110. Most of it is of the connection crm: 600 calls, $39.',
    );
    expect(todo).toContain('POST /api/v1/freeze');
  });

  it('of a connection says what is wrong, and lets no name or reason bring a link into a letter', () => {
    const trouble = (more: object) =>
      alertWords(
        {
          ...given,
          kind: 'connection.trouble',
          subjectId: 'con_1',
          told: true,
          detail: {
            connection: 'crm',
            status: 'ACTIVE',
            reason: null,
            since: null,
            calls: null,
            failed: null,
            ...more,
          },
        },
        named,
      );
    expect(trouble({ calls: 39, failed: 20 }).what).toBe(
      'Of the 39 calls of crm that ended in 15 minutes, 20 failed.',
    );
    const { what, todo } = trouble({
      status: 'AUTH_REQUIRED',
      since: given.at,
      reason: 'It says: see https://evil.example/x',
    });
    expect(what).toMatch(
      /^The connection crm has been AUTH_REQUIRED since 2026-03-04 05:06 UTC: It says/,
    );
    expect(what).not.toContain('evil.example');
    expect(todo).toContain('/connections/con_1/secret');
  });
});
