import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile.js';
import { decide } from '../decide.js';
import { explain } from '../explain.js';
import { parsePolicy } from '../parse.js';
import { approvalNeed, visibility } from '../visibility.js';
import { aCall, aCaller, aTool } from './factories.js';

const policyOf = (rules: object[], byDefault = 'allow', more: object = {}) =>
  compilePolicy(parsePolicy({ version: 1, default: byDefault, rules, ...more }));

const byAdmins = { effect: 'require_approval', approvers: { group: 'admins' } };
const noEmails = { effect: 'redact', redact: { kinds: ['email'] } };

describe('a rule that wants approval', () => {
  it('says of whom, how long and what follows, also where nothing else allows the call', () => {
    for (const byDefault of ['allow', 'deny'])
      expect(decide(policyOf([{ id: 'ask', ...byAdmins }], byDefault), aCall())).toEqual({
        effect: 'require_approval',
        ruleId: 'ask',
        trace: ['ask'],
        approvals: [
          {
            ruleId: 'ask',
            approvers: { group: 'admins', count: 1 },
            expiresMs: 86_400_000,
            onApproval: 'run',
            message: undefined,
          },
        ],
      });
  });

  it('counts beside every other that matches, and under none that refuses', () => {
    const rules = [
      { id: 'yes', effect: 'allow' },
      { id: 'one', when: { class: ['write'] }, ...byAdmins },
      {
        id: 'two',
        when: { if: 'args.amount > 5' },
        effect: 'require_approval',
        approvers: { roles: ['owner'], count: 2 },
        expires: '30m',
        onApproval: 'wait',
      },
    ];
    const decision = decide(policyOf(rules), aCall({ args: { amount: 9 } }));
    expect(decision).toMatchObject({ ruleId: 'one', trace: ['two', 'one'] });
    expect(decision.approvals).toMatchObject([
      { ruleId: 'one', expiresMs: 86_400_000, onApproval: 'run' },
      { ruleId: 'two', expiresMs: 1_800_000, onApproval: 'wait' },
    ]);
    expect(decide(policyOf(rules), aCall({ args: { amount: 1 } })).approvals).toHaveLength(1);
    const refused = policyOf([...rules, { id: 'no', when: { if: 'true' }, effect: 'deny' }]);
    const refusal = decide(refused, aCall({ args: { amount: 9 } }));
    expect(refusal).toMatchObject({ effect: 'deny', ruleId: 'no', trace: ['no'] });
    expect(refusal).not.toHaveProperty('approvals');
  });

  it('refuses when it cannot be known whether it applies', () => {
    for (const rule of [byAdmins, noEmails])
      expect(
        decide(policyOf([{ id: 'r', when: { if: 'args.amount > 5' }, ...rule }]), aCall()),
      ).toEqual({
        effect: 'deny',
        ruleId: 'r',
        message: 'The rule "r" of your workspace cannot be decided for this call',
        trace: ['r (error)'],
      });
  });

  it('leaves the tool in lists, which say that it needs approval', () => {
    const [caller, tool] = [aCaller(), aTool()];
    const needOf = (rules: object[], byDefault = 'deny') => {
      const policy = policyOf(rules, byDefault);
      return [visibility(policy, caller, tool), approvalNeed(policy, caller, tool)];
    };
    expect(needOf([{ id: 'r', ...byAdmins }])).toEqual(['listed', 'always']);
    expect(needOf([{ id: 'r', when: { if: 'args.n > 1' }, ...byAdmins }])).toEqual([
      'listed',
      'perhaps',
    ]);
    expect(needOf([{ id: 'r', when: { groups: ['x'] }, ...byAdmins }], 'allow')).toEqual([
      'listed',
      'never',
    ]);
    expect(
      needOf([
        { id: 'r', ...byAdmins },
        { id: 'no', effect: 'deny' },
      ]),
    ).toEqual(['unknown', 'never']);
    // What is redacted is not allowed for that.
    expect(needOf([{ id: 'r', ...noEmails }])).toEqual(['unknown', 'never']);
  });
});

describe('a rule that redacts', () => {
  it('adds to an allowance and to an approval, and neither allows nor is told of a refusal', () => {
    const redact = [
      { id: 'mails', ...noEmails },
      { id: 'cards', effect: 'redact', redact: { kinds: ['card'], from: ['audit'] } },
    ];
    const idsOf = (rules: object[], byDefault?: string) => {
      const { effect, ruleId, trace, redactions } = decide(policyOf(rules, byDefault), aCall());
      return { effect, ruleId, trace, redactions: redactions?.map((each) => each.ruleId) };
    };
    const redactions = ['mails', 'cards'];
    expect(idsOf(redact)).toEqual({ effect: 'allow', trace: redactions, redactions });
    expect(idsOf([{ id: 'yes', effect: 'allow' }, ...redact], 'deny')).toEqual({
      effect: 'allow',
      ruleId: 'yes',
      trace: [...redactions, 'yes'],
      redactions,
    });
    expect(idsOf([...redact, { id: 'ask', ...byAdmins }])).toMatchObject({
      effect: 'require_approval',
      trace: [...redactions, 'ask'],
      redactions,
    });
    expect(idsOf(redact, 'deny')).toMatchObject({ effect: 'deny', redactions: undefined });
  });
});

describe('what a client was given before', () => {
  const leaving = {
    id: 'nothing-leaves',
    when: { labels: ['egress'], seen: ['private', 'untrusted'] },
    ...byAdmins,
  };
  const policy = policyOf([leaving], 'allow', { taint: { window: '2h' } });
  const sending = aTool({ labels: ['egress'] });
  const afterwards = (...seen: ('private' | 'untrusted')[]) =>
    decide(policy, aCall({ tool: sending, context: { now: new Date(), seen: new Set(seen) } }))
      .effect;

  it('is asked for only where a rule may want to know it, for as long as the document says', () => {
    expect(policy.asksSeen(aCaller(), sending)).toBe(true);
    expect(policy.asksSeen(aCaller(), aTool({ labels: ['private'] }))).toBe(false);
    expect(policy.window).toBe(7_200_000);
    expect(policyOf([]).window).toBe(1_800_000);
    const refused = policyOf([leaving, { id: 'no', effect: 'deny' }]);
    expect(refused.asksSeen(aCaller(), sending)).toBe(false);
  });

  it('matters when all labels of the rule were seen', () => {
    expect(afterwards()).toBe('allow');
    expect(afterwards('private')).toBe('allow');
    expect(afterwards('untrusted', 'private')).toBe('require_approval');
  });

  it('refuses when nobody looked it up', () => {
    const decision = decide(policy, aCall({ tool: sending }));
    expect(decision).toMatchObject({ effect: 'deny', trace: ['nothing-leaves (error)'] });
    const allowing = policyOf([{ id: 'a', when: { seen: ['private'] }, effect: 'allow' }], 'deny');
    expect(decide(allowing, aCall()).effect).toBe('deny');
  });

  it('is explained', () => {
    const told = (seen?: Set<'private'>) =>
      explain(policy, aCall({ tool: sending, context: { now: new Date(), seen } })).rules[0];
    expect(told(new Set(['private']))).toMatchObject({
      result: 'not matched',
      because: 'the caller was given nothing untrusted lately',
    });
    expect(told()).toMatchObject({
      result: 'counted',
      because: '"seen" could not be evaluated: what the caller was given before is not known',
    });
  });
});

it('an explanation says what each rule asks for', () => {
  const policy = policyOf([
    { id: 'ask', ...byAdmins },
    {
      id: 'ask-finance',
      effect: 'require_approval',
      approvers: { users: ['ada@example.com'], roles: ['owner'], label: 'Finance', count: 2 },
    },
    { id: 'mails', ...noEmails },
    { id: 'broken', when: { if: 'args.x == 1' }, effect: 'allow' },
  ]);
  const { rules, sentence } = explain(policy, aCall());
  expect(rules.map(({ because }) => because)).toEqual([
    'it wants 1 approval by the group admins',
    'it wants 2 approvals by the role owner or ada@example.com (Finance)',
    'it redacts result and audit',
    'args.x == 1 could not be evaluated: No such key: x',
  ]);
  expect(sentence).toBe(
    'Needs approval by the rules "ask" and "ask-finance". Redacted by "mails".',
  );
});
