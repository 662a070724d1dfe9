import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile.js';
import { decide } from '../decide.js';
import { explain } from '../explain.js';
import { parsePolicy } from '../parse.js';
import { aCall, aCaller, aTool } from './factories.js';

const policyOf = (rules: object[], byDefault = 'allow') =>
  compilePolicy(parsePolicy({ version: 1, default: byDefault, rules }));

describe('a decision', () => {
  it('refuses contractors as in the contract, with the rule’s sentence', () => {
    const policy = policyOf(
      [
        {
          id: 'contractors-read-only',
          when: { groups: ['contractors'], class: ['write', 'destructive'] },
          effect: 'deny',
          message: 'Update operations not allowed',
        },
      ],
      'allow',
    );
    expect(decide(policy, aCall({ caller: aCaller({ groups: ['contractors'] }) }))).toEqual({
      effect: 'deny',
      ruleId: 'contractors-read-only',
      message: 'Update operations not allowed',
      trace: ['contractors-read-only'],
    });
    expect(decide(policy, aCall())).toEqual({ effect: 'allow', trace: [] });
    const reading = aCall({
      caller: aCaller({ groups: ['contractors'] }),
      tool: aTool({ class: 'read' }),
    });
    expect(decide(policy, reading).effect).toBe('allow');
  });

  it.each([
    ['deny', 'read', 'deny'],
    ['allow-read', 'read', 'allow'],
    ['allow-read', 'write', 'deny'],
    ['allow-read', 'destructive', 'deny'],
    ['allow', 'destructive', 'allow'],
  ] as const)('goes by the default %s for a %s tool: %s', (byDefault, toolClass, effect) => {
    const decision = decide(policyOf([], byDefault), aCall({ tool: aTool({ class: toolClass }) }));
    expect(decision.effect).toBe(effect);
    if (effect === 'deny') expect(decision.message).toBeTruthy();
  });

  it.each([
    ['users', { users: ['ADA@example.com'] }],
    ['groups', { groups: ['other', 'staff'] }],
    ['roles', { roles: ['auditor'] }],
    ['clients', { clients: ['https://chatgpt.com/oauth/client.json'] }],
    ['connections', { connections: ['linear-*'] }],
    ['tools', { tools: ['linear-*_update_*'] }],
    ['class', { class: ['write'] }],
    ['a condition', { if: 'args.amount > 500000' }],
    ['the tool', { if: 'tool.connection == "linear-prod" && "egress" in tool.labels' }],
    ['the caller', { if: 'caller.email.endsWith("@example.com") && "staff" in caller.groups' }],
    ['the hour', { if: 'context.now.getHours() == 10' }],
    ['the address', { if: 'has(context.sourceIp) && context.sourceIp.startsWith("10.")' }],
    [
      'office hours',
      { time: { zone: 'Europe/Berlin', days: ['mon'], from: '09:00', to: '17:00' } },
    ],
    ['everything', {}],
  ])('matches on %s, and not without', (_what, when) => {
    const policy = policyOf([{ id: 'r', when, effect: 'deny' }]);
    const matching = aCall({
      caller: aCaller({
        groups: ['staff'],
        roles: ['auditor'],
        clientId: 'https://chatgpt.com/oauth/client.json',
      }),
      tool: aTool({ labels: ['egress'] }),
      args: { amount: 500001 },
      context: { now: new Date('2026-11-23T10:30:00Z'), sourceIp: '10.0.0.7' },
    });
    expect(decide(policy, matching)).toMatchObject({ effect: 'deny', ruleId: 'r' });
    if (Object.keys(when).length === 0) return;
    const other = aCall({
      caller: aCaller({ email: 'bob@other.org' }),
      tool: aTool({ name: 'github_merge', connection: 'github', class: 'read' }),
      args: { amount: 500000 },
      context: { now: new Date('2026-11-23T20:30:00Z') },
    });
    expect(decide(policy, other).effect).toBe('allow');
  });

  it('counts a refusing rule whose condition fails as matched, and an allowing one as not', () => {
    const condition = 'args.amount > 5';
    const denies = policyOf([{ id: 'd', when: { if: condition }, effect: 'deny' }]);
    const allows = policyOf([{ id: 'a', when: { if: condition }, effect: 'allow' }], 'deny');
    for (const args of [{}, { amount: 'much' }, { amount: null }, { amount: [9] }]) {
      expect(decide(denies, aCall({ args }))).toMatchObject({
        effect: 'deny',
        ruleId: 'd',
        trace: ['d (error)'],
      });
      expect(decide(allows, aCall({ args }))).toMatchObject({
        effect: 'deny',
        trace: ['a (error)'],
      });
    }
    expect(decide(denies, aCall({ args: { amount: 1 } })).effect).toBe('allow');
    expect(decide(allows, aCall({ args: { amount: 9 } })).effect).toBe('allow');
  });

  it('does not take inherited properties for arguments', () => {
    const policy = policyOf([{ id: 'd', when: { if: 'has(args.constructor)' }, effect: 'deny' }]);
    expect(decide(policy, aCall()).effect).toBe('allow');
  });

  it('is not slipped by arguments that pose as something else', () => {
    const policy = policyOf([
      { id: 'd', when: { if: 'args.amount > 5 || args.items.exists(i, i.bad)' }, effect: 'deny' },
    ]);
    for (const args of [
      { constructor: 'x', amount: 9, items: [] },
      { amount: 1, items: [{ constructor: null, bad: true }] },
      { amount: 1, items: { constructor: {}, 0: { bad: true } } },
      { amount: 1, items: JSON.parse('[{"__proto__":{"bad":true}}]') },
      { amount: '9', items: [] },
    ])
      expect(decide(policy, aCall({ args })).effect, JSON.stringify(args)).toBe('deny');
  });

  it('calculates with JSON numbers as people write them', () => {
    const condition = 'args.count * 2 + 1 > 20 && args.count % 2 == 0';
    const policy = policyOf([{ id: 'd', when: { if: condition }, effect: 'deny' }]);
    expect(decide(policy, aCall({ args: { count: 10 } })).effect).toBe('deny');
    expect(decide(policy, aCall({ args: { count: 11 } })).effect).toBe('allow');
  });

  it('explains every rule’s part', () => {
    const policy = policyOf([
      { id: 'others', when: { connections: ['github'] }, effect: 'deny' },
      { id: 'broken', when: { if: 'args.missing == 1' }, effect: 'allow' },
      { id: 'hit', when: { if: 'size(args) == 0' }, effect: 'deny' },
    ]);
    const { rules, sentence } = explain(policy, aCall());
    expect(rules.map(({ result }) => result)).toEqual(['not matched', 'failed', 'matched']);
    expect(rules[1]?.because).toContain('could not be evaluated: No such key: missing');
    expect(sentence).toBe('Denied by the rule "hit".');
  });
});

const effects = fc.constantFrom(
  { effect: 'allow' },
  { effect: 'allow' },
  { effect: 'deny' },
  { effect: 'require_approval', approvers: { group: 'a' }, expires: '30m' },
  { effect: 'require_approval', approvers: { group: 'b', count: 2 }, onApproval: 'wait' },
  { effect: 'redact', redact: { kinds: ['email'] } },
);
const anyWhen = fc.oneof(
  fc.constant({}),
  fc.record({ class: fc.subarray(['read', 'write', 'destructive'], { minLength: 1 }) }),
  fc.record({ groups: fc.subarray(['a', 'b', 'c'], { minLength: 1 }) }),
  fc.record({ tools: fc.constantFrom(['*'], ['x_*'], ['*_b'], ['x_a', 'y_b']) }),
  fc.record({ labels: fc.subarray(['private', 'egress'], { minLength: 1 }) }),
  fc.record({ seen: fc.subarray(['private', 'untrusted'], { minLength: 1 }) }),
  fc.record({
    if: fc.constantFrom('args.n > 3', 'args.missing', 'true', 'args.s == "q"', 'false'),
  }),
);
const anyRule = fc.tuple(effects, anyWhen).map(([effect, when]) => ({ ...effect, when }));
const anyCall = fc
  .record({
    groups: fc.subarray(['a', 'b', 'c']),
    name: fc.constantFrom('x_a', 'x_b', 'y_b'),
    class: fc.constantFrom('read' as const, 'write' as const, 'destructive' as const),
    labels: fc.subarray(['private', 'egress']),
    seen: fc.option(fc.subarray(['private' as const, 'untrusted' as const]), { nil: undefined }),
    args: fc.record({ n: fc.nat(6), s: fc.constantFrom('q', 'r') }),
  })
  .map((c) =>
    aCall({
      caller: aCaller({ groups: c.groups }),
      tool: aTool({
        name: c.name,
        connection: c.name.slice(0, 1),
        class: c.class,
        labels: c.labels,
      }),
      args: c.args,
      context: { now: new Date('2026-11-23T10:30:00Z'), seen: c.seen && new Set(c.seen) },
    }),
  );
const numbered = (rules: object[]) => rules.map((rule, index) => ({ ...rule, id: `r${index}` }));

const rulesOf = (list: readonly { ruleId: string }[] = []) =>
  list.map(({ ruleId }) => ruleId).toSorted();

describe('for any policy and call', () => {
  it('each rule counts as it does alone: a refusal refuses, approvals and redactions add up', () => {
    const seen = { deny: 0, require_approval: 0, allow: 0 };
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 8 }), anyCall, (rules, call) => {
        const all = numbered(rules);
        const alone = all.map((rule) => decide(policyOf([rule]), call));
        const together = decide(policyOf(all), call);
        seen[together.effect]++;
        // Alone under "allow", only a rule that denies, or fails and does not allow, refuses.
        if (alone.some(({ effect }) => effect === 'deny')) {
          expect(together.effect).toBe('deny');
          expect(together).not.toHaveProperty('approvals');
          return;
        }
        const demands = alone.flatMap(({ approvals = [] }) => approvals);
        expect(together.approvals ?? []).toEqual(demands);
        expect(together.effect).toBe(demands.length > 0 ? 'require_approval' : 'allow');
        const redactions = alone.flatMap(({ redactions: some = [] }) => some);
        expect(rulesOf(together.redactions)).toEqual(rulesOf(redactions));
      }),
      { numRuns: 300 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(10);
  });

  it('the order of the rules changes neither effect nor approvals nor redactions', () => {
    const shuffled = fc
      .array(anyRule, { maxLength: 8 })
      .chain((rules) =>
        fc.tuple(
          fc.constant(numbered(rules)),
          fc.shuffledSubarray(numbered(rules), { minLength: rules.length }),
        ),
      );
    fc.assert(
      fc.property(
        shuffled,
        anyCall,
        fc.constantFrom('deny', 'allow-read', 'allow'),
        ([one, other], call, byDefault) => {
          const [a, b] = [one, other].map((rules) => decide(policyOf(rules, byDefault), call));
          expect(b!.effect).toBe(a!.effect);
          expect(rulesOf(b!.approvals)).toEqual(rulesOf(a!.approvals));
          expect(rulesOf(b!.redactions)).toEqual(rulesOf(a!.redactions));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a rule that cannot be evaluated refuses in any company, unless it allows', () => {
    const failing = fc
      .tuple(
        effects.filter(({ effect }) => effect !== 'allow'),
        fc.constantFrom('args.missing > 1', 'args.s > 1', 'args.n.x == 1'),
      )
      .map(([effect, condition]) => ({ ...effect, when: { if: condition } }));
    fc.assert(
      fc.property(
        fc.array(anyRule, { maxLength: 4 }),
        failing,
        fc.array(anyRule, { maxLength: 4 }),
        anyCall,
        (before, fails, after, call) => {
          const all = numbered([...before, fails, ...after]);
          expect(decide(policyOf(all), call).effect).toBe('deny');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('also where the work of conditions runs out, the order of allowances does not matter', () => {
    const heavy = {
      effect: 'allow',
      when: { if: 'args.l.all(x, args.l.exists(y, x == y + 0.5))' },
    };
    const rules = [
      ...numbered([heavy, heavy, heavy]),
      { id: 'z', effect: 'allow', when: { if: 'args.l.exists(x, x == 3)' } },
    ];
    const call = aCall({ args: { l: Array.from({ length: 300 }, (_, index) => index) } });
    const effects = [rules, rules.toReversed()].map(
      (all) => decide(policyOf(all, 'deny'), call).effect,
    );
    expect(new Set(effects).size).toBe(1);
  });
});
