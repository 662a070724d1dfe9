import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../parse.js';

const documentWith = (rule: object) => ({ version: 1, default: 'allow', rules: [rule] });
const problemOf = (source: string | object) => {
  try {
    parsePolicy(source);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no problem';
};

describe('a policy document', () => {
  it('reads the example of the contract', () => {
    const policy = parsePolicy(`
version: 1
default: allow-read            # deny | allow-read | allow
rules:
  - id: contractors-read-only
    when: { groups: [contractors], class: [write, destructive] }
    effect: deny
    message: Update operations not allowed
  - id: linear-issues-need-approval
    when: { tools: ["linear-*_create_issue"] }
    effect: require_approval
    approvers: { group: admins, label: Admin team, count: 1 }
    expires: 24h
    onApproval: run            # run (default): execute when approved; wait: when the requester calls again
  - id: large-refunds
    when: { tools: ["stripe-*_create_refund"], if: "args.amount > 500000" }
    effect: require_approval
    approvers: { group: finance, count: 2 }
tests:
  - call: { groups: [contractors], tool: linear-prod_update_issue, args: {} }
    expect: deny
`);
    expect(policy.rules[0]).toMatchObject({ id: 'contractors-read-only', effect: 'deny' });
    expect(policy.tests).toHaveLength(1);
  });

  it('reads JSON text and objects alike', () => {
    const document = { version: 1, default: 'deny' };
    expect(parsePolicy(JSON.stringify(document))).toEqual(parsePolicy(document));
    expect(parsePolicy(document)).toEqual({
      ...document,
      taint: { window: '30m' },
      rules: [],
      tests: [],
    });
  });

  it.each([
    [
      'an approval by nobody',
      { id: 'r', effect: 'require_approval' },
      'Rule "r", approvers: is missing; say who approves, such as { group: admins }.',
    ],
    [
      'approvers without a name',
      { id: 'r', effect: 'require_approval', approvers: { count: 2 } },
      'Rule "r", approvers: needs "group", "roles" or "users".',
    ],
    [
      'approvers of a refusal',
      { id: 'r', effect: 'deny', approvers: { group: 'admins' } },
      'Rule "r", approvers: belongs to rules with "effect: require_approval".',
    ],
    [
      'an expiry of an allowance',
      { id: 'r', effect: 'allow', expires: '1h' },
      'Rule "r", expires: belongs',
    ],
    [
      'what is done on no approval',
      { id: 'r', effect: 'allow', onApproval: 'run' },
      'Rule "r", onApproval: belongs',
    ],
    [
      'a time without unit',
      { id: 'r', effect: 'require_approval', approvers: { group: 'a' }, expires: '24' },
      'Rule "r", expires: must be a time such as',
    ],
    [
      'more than thirty days',
      { id: 'r', effect: 'require_approval', approvers: { group: 'a' }, expires: '31d' },
      'Rule "r", expires: must be thirty days at most.',
    ],
    ['nothing to redact', { id: 'r', effect: 'redact' }, 'Rule "r", redact: is missing'],
    [
      'redacting beside another effect',
      { id: 'r', effect: 'allow', redact: { kinds: ['email'] } },
      'Rule "r", redact: belongs to rules with "effect: redact".',
    ],
    ...(
      [
        [{ fields: ['customer..email'] }, 'redact.fields[0]: "customer..email" is not a path'],
        [{ fields: ['a', 'cards*'] }, 'redact.fields[1]: "cards*" is not a path'],
        [{ fields: ['a\\b'] }, 'redact.fields[0]: "a\\b" has a backslash'],
        [{ fields: ['**.**.**.**'] }, 'has more than 3 "**"'],
        [{ patterns: ['(?=x)'] }, 'redact.patterns[0]: is not a regular expression of RE2'],
        [{ patterns: ['(a|b)*a(a|b){100}'] }, 'redact.patterns[0]: is too large'],
        [{ patterns: ['x*'] }, 'redact.patterns[0]: matches the empty text'],
        [{ kinds: ['address'] }, 'redact.kinds[0]'],
      ] as [object, string][]
    ).map(([redact, sentence]): [string, object, string] => [
      JSON.stringify(redact),
      { id: 'r', effect: 'redact', redact },
      sentence,
    ]),
    [
      'an unknown label',
      { id: 'r', effect: 'deny', when: { seen: ['egress'] } },
      'Rule "r", when.seen[0]',
    ],
    [
      'an unknown effect',
      { id: 'r', effect: 'block' },
      'Rule "r", effect: must be "allow", "deny", "require_approval" or "redact".',
    ],
    [
      'an unknown matcher',
      { id: 'r', effect: 'deny', when: { grups: ['x'] } },
      'Rule "r", when: has an unknown field: grups.',
    ],
    ['a rule without id', { effect: 'deny' }, 'Rule "rule 1", id:'],
    [
      'an unknown class',
      { id: 'r', effect: 'deny', when: { class: ['delete'] } },
      'Rule "r", when.class[0]:',
    ],
    [
      'a syntax error in CEL',
      { id: 'r', effect: 'deny', when: { if: 'args.a >' } },
      'Rule "r", when.if:',
    ],
    [
      'an unknown name in CEL',
      { id: 'r', effect: 'deny', when: { if: 'arg.a > 1' } },
      'Rule "r", when.if: "arg" is not known here; use args, caller, tool or context.',
    ],
    [
      'a misspelt attribute',
      { id: 'r', effect: 'deny', when: { if: 'caller.emial == "x"' } },
      'Rule "r", when.if: No such key: emial.',
    ],
    [
      'a number as a condition',
      { id: 'r', effect: 'deny', when: { if: '1 + 1' } },
      'must be true or false, but gives a value of type int',
    ],
    [
      'a function that is not offered',
      { id: 'r', effect: 'deny', when: { if: 'bytes(args.a) == b""' } },
      'the function "bytes" is not available here',
    ],
    [
      'variables by cel.bind',
      { id: 'r', effect: 'deny', when: { if: 'cel.bind(x, args.a, x)' } },
      'not available here',
    ],
    [
      'a pattern that is not RE2',
      { id: 'r', effect: 'deny', when: { if: 'args.a.matches("(?=x)")' } },
      'is not a regular expression of RE2',
    ],
    [
      'a pattern from the arguments',
      { id: 'r', effect: 'deny', when: { if: 'args.a.matches(args.b)' } },
      'matches() takes a literal pattern',
    ],
    [
      'deep loops',
      { id: 'r', effect: 'deny', when: { if: 'args.a.all(x, x.all(y, y.all(z, z)))' } },
      'loops may be nested 2 deep at most',
    ],
    [
      'an unknown zone',
      { id: 'r', effect: 'deny', when: { time: { zone: 'Mars/Base' } } },
      'Rule "r", when.time.zone: is not a known time zone.',
    ],
    [
      'half a window',
      { id: 'r', effect: 'deny', when: { time: { from: '09:00' } } },
      'needs both "from" and "to"',
    ],
  ])('refuses %s and names rule and field', (_what, rule, sentence) => {
    expect(problemOf(documentWith(rule))).toContain(sentence);
  });

  it('names every problem at once', () => {
    const message = problemOf({
      version: 1,
      default: 'allow',
      rules: [
        { id: 'a', effect: 'x' },
        { id: 'b', effect: 'y' },
      ],
    });
    expect(message).toContain('"a"');
    expect(message).toContain('"b"');
  });

  it('refuses the same id twice, unreadable text, aliases and too much text', () => {
    const rule = { id: 'twice', effect: 'deny' };
    expect(problemOf({ version: 1, default: 'allow', rules: [rule, rule] })).toBe(
      'Rule "twice", id: is used twice.',
    );
    expect(problemOf('version: [')).toContain('is not readable YAML or JSON');
    expect(problemOf('version: 1\ndefault: allow\nversion: 2')).toContain('not readable');
    expect(problemOf('a: &x [1]\nb: *x')).toContain('aliases');
    expect(problemOf(' '.repeat(600_000))).toContain('longer than 512 KiB');
    expect(problemOf('default: allow\nrules:\n  - { id: a, "id": b }')).toBe(
      'Policy, document: is not readable YAML or JSON: "id" is there twice in one mapping, at line 3, column 14.',
    );
    expect(problemOf('tests: [{ 1: a, "1": b }]')).toContain('"1" is there twice');
  });

  it('refuses more globs than tools can be held against', () => {
    const globs = (count: number) => Array.from({ length: count }, (_, i) => `*_${i}`);
    const rules = (last: number) =>
      Array.from({ length: 11 }, (_, i) => ({
        id: `r${i}`,
        when: { tools: [...globs(i < 10 ? 499 : last), 'a_b'] },
        effect: 'deny',
      }));
    expect(problemOf({ version: 1, default: 'allow', rules: rules(10) })).toBe('no problem');
    expect(problemOf({ version: 1, default: 'allow', rules: rules(11) })).toBe(
      'Policy, rules: have more than 5000 names with "*" together.',
    );
  });

  it.each([
    ['names', `{${Array.from({ length: 20_000 }, (_, i) => `k${i}`).join()}}`],
    ['mistakes', '&a '.repeat(10_000)],
    ['directives', '%x\n'.repeat(100_000)],
    ['large patterns', documentOf((i) => `args.s.matches("(${'a'.repeat(400)}${i}){1000}")`)],
    ['patterns', documentOf((i) => `args.s.matches("(a${i}){900}")`)],
  ])('of many %s is refused soon', (_what, source) => {
    const before = process.cpuUsage();
    expect(problemOf(source)).not.toBe('no problem');
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(3_000);
  });

  function documentOf(condition: (i: number) => string): object {
    const rules = Array.from({ length: 200 }, (_, i) => ({
      id: `r${i}`,
      when: { if: condition(i) },
      effect: 'deny',
    }));
    return { version: 1, default: 'allow', rules };
  }
});
