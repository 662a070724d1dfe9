import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile.js';
import { decide } from '../decide.js';
import { parsePolicy } from '../parse.js';
import { aCall, aCaller, aTool } from './factories.js';

const denyIf = (condition: string) =>
  compilePolicy(
    parsePolicy({
      version: 1,
      default: 'allow',
      rules: [{ id: 'r', when: { if: condition }, effect: 'deny' }],
    }),
  );

/** Milliseconds of the fastest of three, so that a neighbour's burst does not count. */
function timeOf(work: () => void): number {
  let best = Infinity;
  // The best of many: a busy machine may take the processor away in the middle of one.
  for (let round = 0; round < 12 && best >= 50; round++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

// Ends in what the pattern needs, or nothing would be searched.
const randomly = Array.from({ length: 200_000 }, (_, i) => (Math.sin(i * i) > 0 ? 'a' : 'b')).join(
  '',
);
const manyNumbers = Array.from({ length: 20_000 }, (_, index) => index);

describe('an evaluation ends within 50 ms', () => {
  it.each([
    ['the classic', 'args.s.matches("^(a+)+$")', { s: `${'a'.repeat(50_000)}!` }],
    ['nested stars', 'args.s.matches("^(([a-z])+.)+[A-Z]([a-z])+$")', { s: 'a'.repeat(50_000) }],
    ['alternatives that overlap', 'args.s.matches("^(a|aa)+$")', { s: `${'a'.repeat(50_000)}!` }],
    ['a long tail', 'args.s.matches("(.*)(.*)(.*)(.*)x")', { s: 'b'.repeat(20_000) }],
    [
      'an e-mail pattern',
      String.raw`args.s.matches("^([a-zA-Z0-9])(([-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+$")`,
      { s: 'a'.repeat(30_000) },
    ],
    ['an automaton that explodes', 'args.s.matches("^(a|b)*a(a|b){100}c")', { s: `${randomly}!c` }],
    ['a huge string', 'args.s.matches("^(a+)+$")', { s: 'a'.repeat(2_000_000) }],
    [
      'periodic search',
      'args.s.contains(args.t)',
      { s: 'a'.repeat(1_000_000), t: `b${'a'.repeat(10_000)}` },
    ],
    ['a loop in a loop', 'args.l.all(x, args.l.exists(y, x + y < 0))', { l: manyNumbers }],
    ['membership in a loop', 'args.l.all(x, x in args.l)', { l: manyNumbers }],
    [
      'deep equality in a loop',
      'args.l.all(x, args.l == args.m)',
      { l: manyNumbers, m: [...manyNumbers] },
    ],
    [
      'growing strings',
      '[args.s + args.s + args.s].map(a, [a + a + a + a].map(b, b + b + b + b).join()).join().contains("x")',
      { s: 'a'.repeat(100_000) },
    ],
    ['splitting', 'args.s.split("").all(x, x == "a")', { s: 'a'.repeat(500_000) }],
    ['deep values', 'args.a == args.b', { a: nested(5_000), b: nested(5_000) }],
  ])('%s', (_what, condition, args) => {
    const policy = denyIf(condition);
    const call = aCall({ args });
    expect(timeOf(() => decide(policy, call))).toBeLessThan(50);
  });

  function nested(depth: number): unknown {
    let value: unknown = 1;
    while (depth-- > 0) value = [value];
    return value;
  }

  it('refuses what it may not evaluate for its size, and says so', () => {
    const policy = denyIf('args.l.all(x, args.l.exists(y, x == y))');
    expect(decide(policy, aCall({ args: { l: manyNumbers } }))).toMatchObject({
      effect: 'deny',
      trace: ['r (error)'],
    });
    expect(decide(policy, aCall({ args: { l: [1, 2, 3] } })).trace).toEqual(['r']);
  });

  it('does not look into what is nested very deep, and reads the rest as ever', () => {
    const deep = { a: { b: { c: { d: { e: { f: { g: 1 } } } } } }, amount: 7 };
    expect(decide(denyIf('args.amount > 8'), aCall({ args: deep })).effect).toBe('allow');
    for (const condition of [
      'args.a.b.c.d.e.f.g == 2',
      'has(args.a.b.c.d.e.f.g)',
      'args.a.b.c.d.e.f.exists(x, x == "g")',
      'size(args.a.b.c.d.e.f) == 0',
      'args.a == args.amount',
    ])
      expect(decide(denyIf(condition), aCall({ args: deep })).trace, condition).toEqual([
        'r (error)',
      ]);
    expect(
      decide(denyIf('args.a.b.c.d == 2'), aCall({ args: { a: { b: { c: { d: 2 } } } } })).trace,
    ).toEqual(['r']);
  });

  it('still evaluates what people really write over large arguments', () => {
    const policy = denyIf(
      'args.content.contains("BEGIN PRIVATE KEY") || args.rows.exists(r, r.amount > 100)',
    );
    const rows = Array.from({ length: 1_000 }, () => ({ amount: 5 }));
    expect(decide(policy, aCall({ args: { content: 'x'.repeat(20_000), rows } })).effect).toBe(
      'allow',
    );
  });

  it('spends one budget on all conditions of a decision', () => {
    const rules = Array.from({ length: 500 }, (_, index) => ({
      id: `r${index}`,
      when: { if: 'args.l.all(x, args.l.exists(y, x == y + 0.5))' },
      effect: 'deny',
    }));
    const policy = compilePolicy(parsePolicy({ version: 1, default: 'allow', rules }));
    const call = aCall({ args: { l: manyNumbers.slice(0, 100) } });
    expect(timeOf(() => decide(policy, call))).toBeLessThan(50);
    expect(decide(policy, call).effect).toBe('deny');
  });
});

it('a pattern decides over texts of which it can, whatever it cannot', () => {
  const rules = [
    { id: 'big', when: { if: 'args.s.matches("(a|b)*a(a|b){100}c")' }, effect: 'allow' },
    { id: 'small', when: { if: 'args.t.matches("^[a-z]+$")' }, effect: 'allow' },
  ];
  const policy = compilePolicy(parsePolicy({ version: 1, default: 'deny', rules }));
  const call = aCall({ args: { s: 'ab'.repeat(20_000), t: 'title' } });
  expect(decide(policy, call)).toMatchObject({
    effect: 'allow',
    ruleId: 'small',
    trace: ['big (error)', 'small'],
  });
});

describe('the cost of a decision', () => {
  const policyOf = (count: number) =>
    compilePolicy(
      parsePolicy({
        version: 1,
        default: 'allow',
        rules: Array.from({ length: count }, (_, index) => ({
          id: `r${index}`,
          when:
            index < 10
              ? { tools: ['linear-prod_*'], if: `args.amount > ${1000 + index}` }
              : { connections: [`other-${index}`], if: 'args.amount > 1' },
          effect: 'deny',
        })),
      }),
    );

  it('is the same with 1,000 rules as with 10 that are about the tool', () => {
    const caller = aCaller();
    const tool = aTool();
    const costOf = (count: number) => {
      const policy = policyOf(count);
      const call = aCall({ caller, tool, args: { amount: 7 } });
      for (let warm = 0; warm < 20_000; warm++) decide(policy, call);
      return timeOf(() => {
        for (let round = 0; round < 20_000; round++) decide(policy, call);
      });
    };
    const [few, many] = [costOf(10), costOf(1_000)];
    // The goal is 1.3; the test leaves room for a busy machine and still fails on a scan of all rules.
    expect(many / few).toBeLessThan(3);
  });
});
