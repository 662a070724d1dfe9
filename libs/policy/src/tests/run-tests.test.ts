import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile.js';
import { parsePolicy } from '../parse.js';
import { runPolicyTests } from '../run-tests.js';
import { STARTER_POLICY } from '../starter.js';
import { aTool } from './factories.js';

const source = `
version: 1
default: allow
rules:
  - id: no-big
    when: { tools: [pay_refund], if: args.amount > 10 }
    effect: deny
tests:
  - { name: small, call: { tool: pay_refund, args: { amount: 1 } }, expect: allow }
  - { call: { tool: pay_refund, args: { amount: 11 } }, expect: deny, rule: no-big }
  - { name: wrong, call: { tool: pay_refund, args: { amount: 11 } }, expect: allow }
`;

describe('the tests of a policy', () => {
  it('pass, or say what was expected and what came', () => {
    const results = runPolicyTests(compilePolicy(parsePolicy(source)));
    expect(results.map(({ passed }) => passed)).toEqual([true, true, false]);
    expect(results[1]?.name).toBe('test 2');
    expect(results[2]?.sentence).toBe('Expected allow of pay_refund. Denied by the rule "no-big".');
  });

  it('take the class from the catalogue, else a write, unless the test says it', () => {
    const policy = compilePolicy(
      parsePolicy(
        'version: 1\ndefault: allow-read\ntests:\n' +
          '  - { call: { tool: a_known }, expect: allow }\n' +
          '  - { call: { tool: a_new }, expect: deny }\n' +
          '  - { call: { tool: a_new, class: read }, expect: allow }\n',
      ),
    );
    const catalogue = (name: string) =>
      name === 'a_known' ? aTool({ name, class: 'read' }) : undefined;
    const results = runPolicyTests(policy, undefined, catalogue);
    expect(results.map(({ passed }) => passed)).toEqual([true, true, true]);
  });

  it('say labels, what was given before, and what is to be redacted or approved', () => {
    const results = runPolicyTests(
      compilePolicy(
        parsePolicy(`
version: 1
default: allow
rules:
  - { id: ask-a, when: { labels: [egress] }, effect: require_approval, approvers: { group: a } }
  - { id: ask-b, when: { seen: [private] }, effect: require_approval, approvers: { group: b } }
  - { id: hide, when: { labels: [private] }, effect: redact, redact: { kinds: [email] } }
tests:
  - { call: { tool: t_x, labels: [egress], seen: [private] }, expect: require_approval, rule: ask-b }
  - { call: { tool: t_x, labels: [egress] }, expect: require_approval, rule: ask-a }
  - { call: { tool: t_x, labels: [private, egress] }, expect: redact, rule: hide }
  - { call: { tool: t_x, labels: [private] }, expect: allow }
  - { call: { tool: t_x }, expect: redact }
  - { call: { tool: t_x, labels: [egress] }, expect: require_approval, rule: ask-b }
`),
      ),
    );
    expect(results.map(({ passed }) => passed)).toEqual([true, true, true, true, false, false]);
    expect(results[4]?.sentence).toBe(
      'Expected redact of t_x. Allowed by the default "allow"; no rule matched.',
    );
  });

  it('the starter policy is a policy', () => {
    expect(parsePolicy(STARTER_POLICY).default).toBe('allow-read');
  });
});
