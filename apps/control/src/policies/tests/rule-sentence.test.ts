import { PolicyRule } from '@conducktor/contracts';
import { expect, test } from 'vitest';
import { ruleSentence } from '../rule-sentence.js';

test.each([
  [
    {
      when: { groups: ['contractors'], class: ['write', 'destructive'], tools: ['linear-*'] },
      effect: 'deny',
      message: 'Update operations not allowed',
    },
    'Denies write or destructive calls of linear-* by the group contractors: "Update operations not allowed".',
  ],
  [
    {
      when: { tools: ['pay_*'], if: 'args.amount > 5' },
      effect: 'require_approval',
      approvers: { group: 'finance', roles: ['owner'], label: 'Finance', count: 2 },
    },
    'Asks for approval of calls of pay_* where args.amount > 5 (2 of Finance: the group finance or the role owner).',
  ],
  [
    {
      when: { labels: ['egress'], seen: ['private', 'untrusted'] },
      effect: 'require_approval',
      approvers: { users: ['ada@example.com'] },
    },
    'Asks for approval of calls that are labelled egress after private and untrusted data was given (1 of ada@example.com).',
  ],
  [
    {
      when: { connections: ['crm'] },
      effect: 'redact',
      redact: { fields: ['**.ssn'], kinds: ['email'], patterns: ['PRJ-[0-9]+'], from: ['result'] },
    },
    'Redacts **.ssn or email or /PRJ-[0-9]+/ from result in calls at crm.',
  ],
])('a rule as a sentence: %j', (rule, sentence) => {
  expect(ruleSentence(PolicyRule.parse({ id: 'r', ...rule }))).toBe(sentence);
});
