import { ToolCost, type OutcomeKind, type PriceQuote } from '@conducktor/contracts';
import { compileAmount, type PolicyInput } from '@conducktor/policy';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charge, chargeOfUnquoted, hangsOnOutcome } from '../charge.js';
import { compilePrice, MAX_MICROS, quote } from '../price.js';

const OUTCOMES: OutcomeKind[] = [
  'ok',
  'error',
  'timeout',
  'unavailable',
  'unknown',
  'cancelled',
  'not_sent',
];
const aCall = (args: Record<string, unknown>): PolicyInput => ({
  caller: {
    memberId: 'mem_1',
    userId: 'usr_1',
    email: 'ada@example.com',
    groups: ['finance'],
    roles: ['member'],
    clientId: 'client-1',
    scopes: [],
  },
  tool: { name: 'up_look', upstreamName: 'look', connection: 'up', class: 'read', labels: [] },
  args,
  context: { now: new Date('2026-11-23T10:30:00Z') },
});
function quoted(cost: ToolCost, args: Record<string, unknown> = {}) {
  const compiled = compilePrice(cost, compileAmount);
  if ('error' in compiled) throw new Error(compiled.error);
  return quote(compiled.price, () => aCall(args));
}
const known = (cost: ToolCost, args?: Record<string, unknown>) => quoted(cost, args) as PriceQuote;
/** A result that has so many bytes as JSON. */
const ofBytes = (bytes: number) => JSON.stringify({ content: 'x'.repeat(bytes - 14) });
const reporting = (value: unknown, key = 'conducktor/costMicros') =>
  JSON.stringify({ content: [], _meta: { [key]: value } });

describe('an expression', () => {
  const cel = (micros: string, more = {}) => ({ kind: 'cel' as const, micros, ...more });

  it.each([
    ['args.pages * 200', { pages: 3 }, 600],
    ['250', {}, 250],
    ['size(args.ids) * 10 + 5', { ids: ['a', 'b'] }, 25],
    ['args.deep ? 900 : 100', { deep: true }, 900],
    ['int(args.megabytes * 1.5) * 1000', { megabytes: 3 }, 4_000],
    ['"finance" in caller.groups ? 0 : 100', {}, 0],
    ['tool.class == "read" ? 7 : 70', {}, 7],
    ['args.none', { none: -0 }, 0],
  ])('%s over %j comes to %d', (source, args, micros) => {
    expect(quoted(cel(source), args)).toEqual({ reservedMicros: micros });
  });

  it.each([
    ['args.pages * 200', {}, 'No such key: pages'],
    ['args.pages * 200', { pages: 'three' }, 'no such overload'],
    ['args.pages / 3', { pages: 1 }, 'which is not a whole number'],
    ['args.pages * 200', { pages: -1 }, 'less than nothing'],
    ['args.pages', { pages: MAX_MICROS + 1 }, 'which is more than'],
    ['args.pages', { pages: 1e300 }, 'not a whole number'],
    ['args.pages', { pages: true }, 'a value of another type'],
    ['9223372036854775807', {}, 'not a whole number'],
    ['args.pages', { pages: null }, 'a value of another type'],
    [
      'args.a.map(x, args.a.map(y, x + y)).size()',
      { a: Array.from({ length: 5_000 }, (_, i) => i) },
      'too large',
    ],
  ])('%s over such arguments has no price: %#', (source, args, why) => {
    expect(quoted(cel(source), args)).toEqual({ error: expect.stringContaining(why) });
  });

  it.each([
    ['args.pages *', 'Unexpected token: EOF (at character 13)'],
    ['price * 2', '"price" is not known here; use args, caller, tool or context'],
    ['args.pages > 3', 'must be a number, but gives a value of type bool'],
    ['"10"', 'must be a number, but gives a value of type string'],
    ['caller.age * 2', 'No such key: age (at character 8)'],
    ['now()', 'the function "now" is not available here'],
  ])('%s is refused when it is set', (source, why) => {
    expect(compilePrice(cel(source), compileAmount)).toEqual({
      error: expect.stringContaining(why),
    });
  });

  it('over its maximum is charged that, and says what it came to', () => {
    const over = known(cel('args.pages', { maxMicros: 100 }), { pages: 101 });
    expect(over.reservedMicros).toBe(100);
    expect(charge(over, { outcome: 'error' })).toEqual({
      costMicros: 100,
      overMax: true,
      uncappedMicros: 101,
    });
    expect(
      charge(known(cel('args.pages', { maxMicros: 100 }), { pages: 100 }), { outcome: 'ok' }),
    ).toEqual({ costMicros: 100 });
  });
});

it.each([
  [1, 10 + 3],
  [1_024, 10 + 3],
  [1_025, 10 + 6],
])('a result of %d bytes costs each kibibyte begun', (bytes, micros) => {
  const price = known({ kind: 'size', baseMicros: 10, microsPerKiB: 3, maxMicros: 1_000 });
  const resultJson = bytes === 1 ? '1' : ofBytes(bytes);
  expect(Buffer.byteLength(resultJson)).toBe(bytes);
  expect(charge(price, { outcome: 'ok', resultJson })).toEqual({ costMicros: micros });
});

it('counts bytes of UTF-8 and not characters', () => {
  const price = known({ kind: 'size', microsPerKiB: 1, maxMicros: 1_000 });
  const resultJson = JSON.stringify('€'.repeat(1_024));
  expect(charge(price, { outcome: 'ok', resultJson }).costMicros).toBe(4);
});

it('what did not arrive has no size', () => {
  const price = known({ kind: 'size', baseMicros: 7, microsPerKiB: 100, maxMicros: 1_000 });
  expect(charge(price, { outcome: 'timeout' })).toEqual({ costMicros: 7 });
});

it.each([
  [reporting(40), { costMicros: 40 }],
  [reporting(0), { costMicros: 0 }],
  [reporting(100), { costMicros: 100 }],
  [reporting(101), { costMicros: 100, overMax: true, uncappedMicros: 101 }],
  [reporting(-1), { costMicros: 100, overMax: true }],
  [reporting(1.5), { costMicros: 100, overMax: true }],
  [reporting('40'), { costMicros: 100, overMax: true }],
  [reporting(null), { costMicros: 100, overMax: true }],
  [reporting(1e300), { costMicros: 100, overMax: true }],
  [reporting(40, 'another/key'), { costMicros: 100, overMax: true }],
  ['{"_meta":null}', { costMicros: 100, overMax: true }],
  ['{"_meta":{"__proto__":{"conducktor/costMicros":1}}}', { costMicros: 100, overMax: true }],
  [undefined, { costMicros: 100, overMax: true }],
])('a service that reports %s', (resultJson, expected) => {
  expect(
    charge(known({ kind: 'reported', maxMicros: 100 }), { outcome: 'ok', resultJson }),
  ).toEqual(expected);
});

it('reads the key that the price names', () => {
  const price = known({ kind: 'reported', key: 'vendor/cost', maxMicros: 100 });
  expect(charge(price, { outcome: 'ok', resultJson: reporting(3, 'vendor/cost') })).toEqual({
    costMicros: 3,
  });
});

it('a question for input costs nothing, whoever counts: its answer is paid for, also one that calls itself a question', () => {
  const resultJson = JSON.stringify({ resultType: 'input_required', requestState: 's' });
  const quotes = [
    known({ kind: 'flat', micros: 5 }),
    known({ kind: 'reported', maxMicros: 5 }),
    known({ kind: 'size', microsPerKiB: 5, maxMicros: 50 }),
  ];
  for (const each of quotes)
    expect(charge(each, { outcome: 'ok', resultJson })).toEqual({ costMicros: 0 });
  expect(chargeOfUnquoted({ outcome: 'ok', resultJson })).toEqual({ costMicros: 0 });
  const answers = [{ content: [{ type: 'text', text: 'all of it' }] }, { structuredContent: {} }];
  for (const more of answers) {
    const answering = JSON.stringify({ resultType: 'input_required', requestState: 's', ...more });
    const result = { outcome: 'ok', resultJson: answering } as const;
    expect(charge(quotes[0]!, result)).toEqual({ costMicros: 5 });
    expect(chargeOfUnquoted(result)).toBeUndefined();
  }
  const quoting = JSON.stringify({ content: ['input_required'] });
  expect(charge(quotes[0]!, { outcome: 'ok', resultJson: quoting })).toEqual({ costMicros: 5 });
  expect(chargeOfUnquoted({ outcome: 'ok', resultJson: quoting })).toBeUndefined();
});

it('every price of the guide is one', () => {
  const guide = readFileSync(new URL('../../../../docs/guides/prices.md', import.meta.url), 'utf8');
  const costs = [...guide.matchAll(/`?(\{ ?"kind".*?\})/g)].map(([, json]) => JSON.parse(json!));
  const expressions = [...guide.matchAll(/^\| `([^`"]*(?:args|caller)[^`]*|"[^`]*)` \|/gm)].map(
    ([, micros]) => ({ kind: 'cel', micros }),
  );
  expect([costs.length, expressions.length]).toEqual([9, 5]);
  for (const cost of [...costs, ...expressions])
    expect(
      compilePrice(ToolCost.parse(cost), compileAmount),
      JSON.stringify(cost),
    ).not.toHaveProperty('error');
});

const micros = fc.integer({ min: 0, max: MAX_MICROS });
const chargeOn = fc.option(fc.constantFrom('sent' as const, 'success' as const), {
  nil: undefined,
});
const costs: fc.Arbitrary<ToolCost> = fc.oneof(
  fc.constant({ kind: 'free' as const }),
  fc.record({ kind: fc.constant('flat' as const), micros, chargeOn }),
  fc.record({
    kind: fc.constant('cel' as const),
    micros: fc.constantFrom('args.n', 'args.n * 2', '100', 'size(args.s)'),
    maxMicros: fc.option(micros, { nil: undefined }),
    chargeOn,
  }),
  fc.record({
    kind: fc.constant('size' as const),
    microsPerKiB: micros,
    baseMicros: fc.option(micros, { nil: undefined }),
    maxMicros: micros,
    chargeOn,
  }),
  fc.record({ kind: fc.constant('reported' as const), maxMicros: micros, chargeOn }),
);
const results = fc.option(
  fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.oneof(micros, fc.double(), fc.string()).map((value) => reporting(value)),
    fc.integer({ min: 20, max: 9_000 }).map(ofBytes),
  ),
  { nil: undefined },
);

it('whatever comes of a call, it costs a whole number, at most what was reserved, and nothing unless it was sent', () => {
  const args = fc.record({ n: fc.oneof(micros, fc.double()), s: fc.string() });
  fc.assert(
    fc.property(
      costs,
      args,
      fc.constantFrom(...OUTCOMES),
      results,
      (cost, given, outcome, resultJson) => {
        expect(ToolCost.parse(cost)).toEqual(cost);
        const priced = quoted(cost, given);
        if ('error' in priced) return void expect(cost.kind).toBe('cel');
        expect(Number.isSafeInteger(priced.reservedMicros)).toBe(true);
        const { costMicros, overMax, uncappedMicros } = charge(priced, { outcome, resultJson });
        expect(Number.isSafeInteger(costMicros)).toBe(true);
        expect(costMicros).toBeGreaterThanOrEqual(0);
        expect(costMicros).toBeLessThanOrEqual(priced.reservedMicros);
        if (overMax) expect(costMicros).toBe(priced.reservedMicros);
        if (uncappedMicros !== undefined) expect(uncappedMicros).toBeGreaterThan(costMicros);
        const isFree =
          ['unknown', 'unavailable', 'not_sent'].includes(outcome) ||
          (outcome !== 'ok' && 'chargeOn' in cost && cost.chargeOn === 'success');
        if (isFree) expect(costMicros).toBe(0);
        // Who is told of no quote charges what was reserved.
        else if (!hangsOnOutcome(priced)) expect(costMicros).toBe(priced.reservedMicros);
      },
    ),
    { numRuns: 1_000 },
  );
});

it('a longer result never costs less', () => {
  const sizes = fc.tuple(
    fc.integer({ min: 20, max: 50_000 }),
    fc.integer({ min: 20, max: 50_000 }),
  );
  fc.assert(
    fc.property(micros, micros, micros, sizes, (microsPerKiB, baseMicros, maxMicros, [a, b]) => {
      const price = known({ kind: 'size', microsPerKiB, baseMicros, maxMicros });
      const of = (bytes: number) =>
        charge(price, { outcome: 'ok', resultJson: ofBytes(bytes) }).costMicros;
      expect(of(Math.min(a, b))).toBeLessThanOrEqual(of(Math.max(a, b)));
    }),
  );
});
