import { describe, expect, it } from 'vitest';
import { compileArgumentsSchema } from '../schema/compile.js';

const checkOf = (schema: unknown) => {
  const compiled = compileArgumentsSchema(schema);
  if (!compiled.ok) throw new Error(compiled.reason);
  return compiled.check;
};
const reasonOf = (schema: unknown) => {
  const compiled = compileArgumentsSchema(schema);
  return compiled.ok ? undefined : compiled.reason;
};

describe('arguments that do not fit', () => {
  const check = checkOf({
    type: 'object',
    properties: {
      to: { type: 'string', minLength: 1 },
      count: { type: 'integer', minimum: 1 },
      mode: { enum: ['fast', 'slow'] },
      tags: { type: 'array', items: { type: 'string' }, uniqueItems: true },
      'a/b': { type: ['string', 'null'] },
      code: { type: 'string', pattern: String.raw`^\d{3}\/[a-z]+$` },
    },
    required: ['to'],
    additionalProperties: false,
  });

  it.each([
    [{}, '"to" is missing.'],
    [{ to: 1 }, '"to" must be a string.'],
    [{ to: '' }, '"to" must NOT have fewer than 1 characters.'],
    [{ to: 'x', count: 1.5 }, '"count" must be a whole number.'],
    [{ to: 'x', count: 0 }, '"count" must be >= 1.'],
    [{ to: 'x', mode: 'other' }, '"mode" must be one of "fast", "slow".'],
    [{ to: 'x', tags: ['a', 2] }, '"tags[1]" must be a string.'],
    [{ to: 'x', tags: ['a', 'a'] }, '"tags" must not have the same entry twice.'],
    [{ to: 'x', extra: 1 }, '"extra" is not an argument of this tool.'],
    [{ to: 'x', 'a/b': 1 }, '"a/b" must be a string or a null.'],
    [{ to: 'x', code: '12/a' }, '"code" must match pattern'],
    [[], 'The arguments must be an object.'],
  ])('%j: %s', (args, sentence) => {
    expect(check(args)).toContain(sentence.replace('a null', 'null'));
  });

  it('pass when they fit', () => {
    expect(
      check({ to: 'x', count: 2, mode: 'fast', tags: ['a', 'b'], 'a/b': null, code: '123/z' }),
    ).toBeUndefined();
  });

  it('follow draft 2020-12, and draft-07 where the schema says so', () => {
    const tuple = checkOf({
      properties: { p: { prefixItems: [{ type: 'number' }], items: false } },
    });
    expect(tuple({ p: [1] })).toBeUndefined();
    expect(tuple({ p: [1, 2] })).toBeDefined();
    const older = checkOf({
      $schema: 'http://json-schema.org/draft-07/schema#',
      properties: { p: { items: [{ type: 'number' }], additionalItems: false } },
      definitions: { n: { type: 'number' } },
    });
    expect(older({ p: [1] })).toBeUndefined();
    expect(older({ p: [1, 2] })).toBeDefined();
    const composed = checkOf({
      allOf: [{ properties: { a: { type: 'string' } } }],
      if: { properties: { a: { const: 'x' } } },
      // oxlint-disable-next-line unicorn/no-thenable -- the keyword's name
      then: { required: ['b'] },
      properties: { b: {} },
      unevaluatedProperties: false,
    });
    expect(composed({ a: 'x' })).toBe('"b" is missing.');
    expect(composed({ a: 'y', c: 1 })).toBe('"c" is not an argument of this tool.');
  });

  it('resolve references inside the schema', () => {
    const check = checkOf({
      $id: 'https://example.com/root',
      properties: { tree: { $ref: '#/$defs/node' } },
      $defs: { node: { properties: { next: { $ref: '#/$defs/node' }, v: { type: 'number' } } } },
    });
    expect(check({ tree: { next: { next: { v: 1 } } } })).toBeUndefined();
    expect(check({ tree: { next: { next: { v: 'x' } } } })).toBe(
      '"tree.next.next.v" must be a number.',
    );
  });
});

describe('a schema that cannot be used is refused with a reason', () => {
  it.each([
    [{ $ref: 'https://example.com/s.json' }, 'outside of itself'],
    [{ properties: { a: { $ref: 'other.json#/x' } } }, 'outside of itself'],
    [{ $ref: '#/$defs/missing' }, "can't resolve reference"],
    [{ properties: { a: { $id: 'https://x.y/z' } } }, '"$id" of its own'],
    [{ $dynamicRef: '#x' }, '$dynamicRef'],
    [{ type: 'strange' }, 'not a valid JSON Schema'],
    [{ properties: { a: 5 } }, 'not a schema'],
    [{ maxLength: '1); process.exit(1); (' }, 'not a valid JSON Schema'],
    ['text', 'not a schema'],
    [null, 'not a schema'],
    [{ anyOf: Array.from({ length: 11_000 }, () => ({})) }, 'more than 10000 parts'],
    [{ enum: Array.from({ length: 20_000 }, (_, index) => index) }, 'more than 10000 parts'],
    [Array.from({ length: 50 }).reduce((inner) => ({ not: inner }), {}), 'nested more than 40'],
  ])('%#', (schema, reason) => {
    expect(reasonOf(schema)).toContain(reason);
  });
});

describe('hostile schemas and data stay under 50 ms', () => {
  const worst = 'a'.repeat(100_000);
  const list = Array.from({ length: 100_000 }, (_, index) => ({ index }));
  const deep = (levels: number): unknown => (levels === 0 ? 'x' : { a: deep(levels - 1) });
  it.each([
    ['the classic pattern', { properties: { s: { pattern: '^(a+)+$' } } }, { s: `${worst}!` }],
    [
      'a pattern on keys',
      { patternProperties: { '^(a|aa)+$': { type: 'string' } } },
      { [`${worst}!`]: 1 },
    ],
    [
      'a tree of alternatives',
      {
        $ref: '#/$defs/t',
        $defs: {
          t: {
            anyOf: [0, 1].map(() => ({
              properties: { a: { $ref: '#/$defs/t' } },
              required: ['b'],
            })),
          },
        },
      },
      deep(60),
    ],
    ['a schema that is itself', { $ref: '#' }, {}],
    ['unique objects', { properties: { l: { uniqueItems: true } } }, { l: list }],
    [
      'many alternatives for many entries',
      {
        properties: {
          l: { items: { anyOf: Array.from({ length: 3_000 }, (_, n) => ({ const: n })) } },
        },
      },
      { l: list },
    ],
    [
      'a large enumeration for many entries',
      { properties: { l: { items: { enum: Array.from({ length: 9_000 }, (_, n) => n) } } } },
      { l: list },
    ],
  ])('%s', (_what, schema, data) => {
    const compiled = compileArgumentsSchema(schema);
    const best = Math.min(
      // The best of many: a busy machine may take the processor away in the middle of one.
      ...Array.from({ length: 12 }, () => {
        const start = performance.now();
        if (compiled.ok) compiled.check(data);
        return performance.now() - start;
      }),
    );
    expect(best).toBeLessThan(50);
  });

  it('keeps patterns apart that a compiler could take for one', () => {
    const check = checkOf({ properties: { a: { pattern: '^x$' }, b: { pattern: '^y$' } } });
    expect(check({ a: 'x', b: 'y' })).toBeUndefined();
    expect(check({ a: 'y', b: 'y' })).toBeDefined();
    expect(check({ a: 'x', b: 'x' })).toBeDefined();
  });

  it('leaves a pattern that only a backtracking engine knows to the upstream', () => {
    const check = checkOf({ properties: { mail: { type: 'string', pattern: '^(?!\\.)x+@' } } });
    expect(check({ mail: 'anything' })).toBeUndefined();
    expect(check({ mail: 5 })).toBeDefined();
  });
});
