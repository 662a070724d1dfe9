import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compilePolicy, type CompiledPolicy, type CompiledRule } from '../compile.js';
import { compileCondition, type Condition } from '../condition/compile.js';
import { Activation } from '../condition/evaluate.js';
import { decide } from '../decide.js';
import { explain } from '../explain.js';
import { parsePolicy } from '../parse.js';
import type { PolicyInput } from '../types.js';
import { visibility } from '../visibility.js';
import { aCall, aCaller, aTool } from './factories.js';

const RUNS = { numRuns: 3_000 };

const text = fc.constantFrom('', 'a', 'abc', 'ops', 'write', 'é𝄞', '10');
const number = fc.constantFrom(0, 1, 2, 10, -1, 0.5, 1e300, 2 ** 53);
const key = fc.constantFrom('a', 'b', 'n', 'constructor', 'toString', '__proto__');
/** What the library fails at, also inside of something that it is only to count. */
const unreadable = fc.constantFrom(
  '{"constructor":1}',
  '[[[[[[[1]]]]]]]',
  '[{"a":{"constructor":1}}]',
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(text, { maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
    unreadable.map((written) => JSON.parse(written) as unknown),
    tie('object'),
  ),
  object: fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(objectOf),
}));

/** As a JSON parser makes it: a key named __proto__ is a key. */
function objectOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const made = {};
  for (const [name, value] of entries)
    Object.defineProperty(made, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return made;
}

const literal = fc.oneof(
  text.map((value) => JSON.stringify(value)),
  fc.constantFrom('0', '1', '10', '-1', '0.5', '2.0', '9007199254740993', 'true', 'false', 'null'),
);
const path = fc.constantFrom(
  ...`args.a args.b args.n.a args["b"] args.n["a"].b args.constructor args.n.n.n.n.a args
      caller.email caller.groups caller.roles tool.class tool.name tool.labels context.sourceIp`.split(
    /\s+/,
  ),
);
const { condition: source } = fc.letrec<{ value: string; condition: string }>((tie) => {
  const [value, condition] = [tie('value'), tie('condition')];
  const joined = (...parts: (fc.Arbitrary<string> | string)[]) =>
    fc
      .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
      .map((all) => all.join(''));
  const operator = fc.constantFrom(' == ', ' != ', ' < ', ' <= ', ' > ', ' >= ', ' in ');
  const method = fc.constantFrom('startsWith', 'endsWith', 'contains');
  return {
    value: fc.oneof(
      { maxDepth: 2 },
      path,
      literal,
      joined('size(', value, ')'),
      joined(value, '.size()'),
      joined('-', path),
      joined(path, ' + ', literal),
      joined('size(', path, ')'),
      fc.constantFrom('["a", "ops"]', '[1, 2]', '[]', '["abc"].map(x, x)'),
    ),
    condition: fc.oneof(
      { maxDepth: 3 },
      joined(value, operator, value),
      joined(path, operator, literal),
      joined(path, '.', method, '(', value, ')'),
      joined(path, '.matches("^[a-c]+$")'),
      joined('has(', fc.constantFrom('args.a', 'args.n.a', 'args.n.n.b'), ')'),
      joined('!(', condition, ')'),
      joined('(', condition, fc.constantFrom(' && ', ' || '), condition, ')'),
      fc.constantFrom('args.a', 'args.b.exists(x, x == "a")', 'true', 'false'),
    ),
  };
});
/** With what the paths above name, or nearly all values would be missing. */
const usual = fc.record({ a: json.value, b: json.value, n: json.object }, { requiredKeys: ['a'] });
const call = fc
  .record({
    args: fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: json.object }),
    groups: fc.subarray(['ops', 'a']),
    sourceIp: fc.constantFrom(undefined, '10.0.0.1'),
    labels: fc.subarray(['private', 'a']),
    seen: fc.constantFrom(undefined, new Set<'private'>(), new Set(['private' as const])),
    connection: fc.constantFrom('crm', 'erp'),
    toolClass: fc.constantFrom('read' as const, 'write' as const),
    role: fc.constantFrom('member', 'admin'),
    email: fc.constantFrom('ada@example.com', 'b@example.com'),
    clientId: fc.constantFrom('client-1', 'client-2'),
    now: fc.constantFrom(new Date('2026-11-23T10:30:00Z'), new Date('2026-11-24T23:00:00Z')),
  })
  .map(({ args, groups, sourceIp, labels, seen, connection, toolClass, role, now, ...who }) =>
    aCall({
      args: args as Record<string, unknown>,
      caller: aCaller({ groups, roles: [role], ...who }),
      tool: aTool({ name: `${connection}_find`, connection, class: toolClass, labels }),
      context: { now, sourceIp, seen },
    }),
  );

const byLibraryAlone = (condition: Condition): Condition => ({ ...condition, direct: undefined });

it('gives the verdict of the CEL library for every condition and call', () => {
  let asked = 0;
  let known = 0;
  fc.assert(
    fc.property(source, fc.array(call, { minLength: 3, maxLength: 3 }), (condition, calls) => {
      const compiled = compileCondition(condition);
      fc.pre('condition' in compiled);
      for (const input of calls) {
        asked++;
        if (typeof compiled.condition.direct?.(input) === 'boolean') known++;
        expect(new Activation(input).evaluate(compiled.condition)).toEqual(
          new Activation(input).evaluate(byLibraryAlone(compiled.condition)),
        );
      }
    }),
    RUNS,
  );
  // Or nothing was compared.
  expect(known).toBeGreaterThan(asked / 20);
});

it.each([
  ['size(args.l) > 10', '{"l":[{"constructor":1}]}'],
  ['args.l.size() > 10', '{"l":[{"a":{"constructor":1}}]}'],
  ['size(args.l) > 10', '{"l":[[[[[[[1]]]]]]]}'],
  ['size(args.a.b.c.d) > 10', '{"a":{"b":{"c":{"d":[[[1]]]}}}}'],
])('%s refuses with %s, which the CEL library cannot read', (condition, args) => {
  const rules = [{ id: 'many', when: { if: condition }, effect: 'deny' }];
  const compiled = compilePolicy(parsePolicy({ version: 1, default: 'allow', rules }));
  const input = aCall({ args: JSON.parse(args) as Record<string, unknown> });
  expect(decide(compiled, input)).toMatchObject({ effect: 'deny', trace: ['many (error)'] });
});

const glob = fc.constantFrom('crm_*', '*_find', 'erp_find', 'crm', '*');
const rule = fc.record(
  {
    when: fc.record(
      {
        tools: fc.array(glob, { minLength: 1, maxLength: 2 }),
        connections: fc.array(fc.constantFrom('crm', 'e*'), { minLength: 1, maxLength: 1 }),
        class: fc.constantFrom(['read'], ['write', 'destructive']),
        groups: fc.constantFrom(['ops'], ['a', 'b']),
        roles: fc.constantFrom(['admin']),
        users: fc.constantFrom(['ADA@example.com'], ['b@example.com']),
        clients: fc.constantFrom(['client-1'], ['client-2', 'client-3']),
        labels: fc.constantFrom(['private'], ['egress', 'untrusted']),
        seen: fc.constantFrom(['private'], ['private', 'untrusted']),
        time: fc.constantFrom({ days: ['mon'] }, { from: '22:00', to: '06:00' }),
        if: source.filter((condition) => 'condition' in compileCondition(condition)),
      },
      { requiredKeys: [] },
    ),
    does: fc.constantFrom(
      { effect: 'allow' },
      { effect: 'deny' },
      { effect: 'require_approval', approvers: { group: 'ops' } },
      { effect: 'redact', redact: { kinds: ['email'] } },
    ),
  },
  { requiredKeys: ['when', 'does'] },
);
const policy = fc
  .record({
    default: fc.constantFrom('deny', 'allow-read', 'allow'),
    rules: fc.array(rule, { maxLength: 8 }),
  })
  .map((parts) =>
    parsePolicy({
      version: 1,
      ...parts,
      rules: parts.rules.map(({ when, does }, i) => ({ id: `r${i}`, when, ...does })),
    }),
  );

it('decides as one does who asks every rule in order, on random policies and calls', () => {
  fc.assert(
    fc.property(policy, fc.array(call, { minLength: 2, maxLength: 3 }), (document, calls) => {
      // Each caller with each tool: what is remembered of one must not answer for another.
      const compiled = compilePolicy(document);
      for (const { caller, args, context } of calls)
        for (const { tool } of calls) {
          const input = { caller, tool, args, context };
          const decision = decide(compiled, input);
          const { effect } = decision;
          expect(effect).toBe(plainEffect(compiled, input));
          if (effect !== 'deny') {
            expect(idsOf(decision.approvals)).toEqual(
              matching(compiled, input, 'require_approval'),
            );
            expect(idsOf(decision.redactions)).toEqual(matching(compiled, input, 'redact'));
          }
          if (asksSeenPlainly(compiled, input) && effect !== 'deny')
            expect(compiled.asksSeen(caller, tool)).toBe(true);
          expect(explain(compiled, input).decision.effect).toBe(effect);
          if (visibility(compiled, caller, tool) === 'unknown') expect(effect).toBe('deny');
        }
    }),
    { numRuns: 800 },
  );
});

const idsOf = (list: readonly { ruleId: string }[] = []) => list.map(({ ruleId }) => ruleId);

/** Asks every rule in the document's order, with the library alone. */
function verdictsOf({ rules }: CompiledPolicy, input: PolicyInput) {
  const activation = new Activation(input);
  const verdictOf = ({ tool, caller, time, seen, condition }: CompiledRule) => {
    if (!tool(input.tool) || !(caller?.(input.caller) ?? true)) return false;
    if (time && !time(input.context.now)) return false;
    if (seen && !input.context.seen) return 'error';
    if (seen && !seen.every((label) => input.context.seen!.has(label))) return false;
    return condition ? activation.evaluate(byLibraryAlone(condition)) : true;
  };
  return rules.map((rule) => ({ id: rule.id, effect: rule.effect, verdict: verdictOf(rule) }));
}

const matching = (compiled: CompiledPolicy, input: PolicyInput, effect: string) =>
  verdictsOf(compiled, input)
    .filter((each) => each.effect === effect && each.verdict === true)
    .map(({ id }) => id);

const asksSeenPlainly = ({ rules }: CompiledPolicy, { tool, caller }: PolicyInput) =>
  rules.some((rule) => rule.seen && rule.tool(tool) && (rule.caller?.(caller) ?? true));

/** What refuses, or fails and does not allow; else what wants approval; else an allowance; else the default. */
function plainEffect(compiled: CompiledPolicy, input: PolicyInput): string {
  const verdicts = verdictsOf(compiled, input);
  const has = (effect: string) =>
    verdicts.some((each) => each.effect === effect && each.verdict === true);
  const fails = verdicts.some(
    ({ effect, verdict }) => effect !== 'allow' && typeof verdict !== 'boolean',
  );
  if (has('deny') || fails) return 'deny';
  if (has('require_approval')) return 'require_approval';
  if (has('allow')) return 'allow';
  const byDefault = compiled.document.default;
  if (byDefault !== 'allow-read') return byDefault;
  return input.tool.class === 'read' ? 'allow' : 'deny';
}
