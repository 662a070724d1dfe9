import { isDeepStrictEqual } from 'node:util';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../json/canonical.js';
import { parseJsonExact } from '../json/parse-exact.js';
import { JsonRefused, parseJsonStrict } from '../json/parse-strict.js';

const reasonOf = (text: string) => {
  try {
    parseJsonStrict(text);
  } catch (error) {
    if (error instanceof JsonRefused) return error.reason;
    throw error;
  }
  return undefined;
};

describe('strict JSON', () => {
  it.each([
    ['{"a":1,"a":2}', 'duplicate_key'],
    ['{"a":{"b":[{"c":1,"c":1}]}}', 'duplicate_key'],
    [String.raw`{"a":1,"\u0061":2}`, 'duplicate_key'],
    ['{"__proto__":{"admin":true}}', 'forbidden_key'],
    [String.raw`[{"\u005f_proto__":1}]`, 'forbidden_key'],
    ['9007199254740993', 'number'],
    ['{"n":1e400}', 'number'],
    ['[-1e400]', 'number'],
    ['1e-400', 'number'],
    ['3.14159265358979323846', 'number'],
    ['0.1000000000000000055511151231257827', 'number'],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'depth'],
    ['', 'syntax'],
    ['{', 'syntax'],
    ['{"a":1,}', 'syntax'],
    ["{'a':1}", 'syntax'],
    ['NaN', 'syntax'],
    ['01', 'syntax'],
    ['1 2', 'syntax'],
    ['"a', 'syntax'],
    [String.raw`"a\"`, 'syntax'],
    ['1-2', 'syntax'],
    ['1-1-1-1-1-1-1-1-1-1-1-1', 'syntax'],
    [`1${'0'.repeat(1_000_000)}1`, 'number'],
  ])('refuses %s as %s', (text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });

  it.each([
    '9007199254740992',
    '0.1',
    '1.0',
    '1e5',
    '-0',
    '0.30000000000000004',
    '12345678901230000000000e-22',
    '5e-324',
    '1.7976931348623157e308',
    '100000000000000000000000',
    String.raw`{"a:b\"":"x:\\","c":["}","{",":",1]}`,
    `${'['.repeat(64)}${']'.repeat(64)}`,
    ' {"a" : null } ',
  ])('accepts %s', (text) => {
    expect(reasonOf(text)).toBeUndefined();
    expect(parseJsonStrict(text)).toEqual(JSON.parse(text));
  });

  it('agrees with JSON.parse on everything that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        fc.pre(!text.includes('__proto__'));
        expect(parseJsonStrict(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds a key given twice wherever it stands', () => {
    const wrap = fc.constantFrom(
      (inner: string) => inner,
      (inner: string) => `[1,"x:y",${inner}]`,
      (inner: string) => `{"k{":${inner},"z":[]}`,
    );
    fc.assert(
      fc.property(
        fc.string(),
        fc.jsonValue(),
        fc.array(wrap, { maxLength: 5 }),
        (key, value, wraps) => {
          fc.pre(key !== '__proto__');
          const member = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
          fc.pre(!member.includes('__proto__'));
          const text = wraps.reduce((inner, around) => around(inner), `{${member},${member}}`);
          expect(reasonOf(text)).toBe('duplicate_key');
        },
      ),
    );
  });

  it('never accepts what JSON.parse refuses', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'{}[]",:1-.e\\ tn'), maxLength: 12 }),
        (text) => {
          let parses = true;
          try {
            JSON.parse(text);
          } catch {
            parses = false;
          }
          if (!parses) expect(reasonOf(text)).toBeDefined();
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('canonical JSON', () => {
  it('writes the example of RFC 8785', () => {
    const value = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
        "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    );
    expect(canonicalJson(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('orders keys by UTF-16 code units, also those that look like numbers', () => {
    expect(
      canonicalJson({
        '\u20ac': 1,
        '\r': 2,
        '\ufb33': 3,
        '1': 4,
        '\ud83d\ude00': 5,
        '\u0080': 6,
        ö: 7,
      }),
    ).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
    expect(canonicalJson({ 9: 1, 10: 2, '!': 3 })).toBe('{"!":3,"10":2,"9":1}');
  });

  // RFC 8785, appendix B.
  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the number %s as %s', (bits, text) => {
    expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text);
  });

  it('writes its own form as it is, and different values differently', () => {
    const values = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(values, values, fc.boolean(), (one, other, asCopy) => {
        const text = canonicalJson(one);
        fc.pre(!text.includes('__proto__'));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        // Drawn values are seldom the same.
        const second = asCopy ? JSON.parse(text) : other;
        // JSON has one zero.
        const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
        expect(canonicalJson(second) === text).toBe(isDeepStrictEqual(plain(second), plain(one)));
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what has no canonical form', () => {
    for (const value of [NaN, Infinity, undefined, '\ud800', { '\udc00': 1 }, [() => 1], 1n])
      expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it('agrees with another implementation, and does not depend on the order of keys', () => {
    const shuffle = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffle);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([key, member]) => [key, shuffle(member)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), (value) => {
        fc.pre(!JSON.stringify(value).includes('__proto__'));
        expect(canonicalJson(value)).toBe(canonicalize(value));
        expect(canonicalJson(shuffle(value))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('JSON that is passed on', () => {
  it.each([
    '12345678901234567890',
    '1e400',
    '-9007199254740993',
    '0.12345678901234567890',
    '123456.1234567890123',
    '{"id":1234567890123456789,"list":[1e999,2],"text":"9007199254740993 1e5"}',
  ])('keeps %s as it is', (text) => {
    expect(JSON.stringify(parseJsonExact(text))).toBe(text);
  });

  it('is otherwise what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJsonExact(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 2_000 },
    );
    expect(parseJsonExact('{"a":1.10,"b":1E2,"c":9007199254740992}')).toEqual({
      a: 1.1,
      b: 100,
      c: 2 ** 53,
    });
  });

  it.each([
    '1e400e1',
    '[12345678901234567890"x"]',
    '--1e400',
    '01234567890123456789',
    '1e',
    '"1e9',
  ])('refuses %s, which is no JSON', (text) =>
    expect(() => parseJsonExact(text)).toThrow(SyntaxError),
  );

  it('keeps numbers beside strings that look like them, and under any name', () => {
    const text = String.raw`{"__proto__":1e400,"a\\":["\"1e400",-1e400,0e5,"\\\"",12345678901234567890]}`;
    const parsed = parseJsonExact(text) as object;
    expect(JSON.stringify(parsed)).toBe(text.replace('0e5', '0'));
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  });

  it('costs no more than a small multiple of JSON.parse, whatever the text', () => {
    const text = `[${Array(1_000_000).fill('1e1').join(',')}]`;
    const time = (parse: (text: string) => unknown) => {
      const startedAt = performance.now();
      parse(text);
      return performance.now() - startedAt;
    };
    const plain = time(JSON.parse);
    expect(time(parseJsonExact)).toBeLessThan(15 * plain + 50);
    expect(() => parseJsonExact(text.replaceAll('1e1', '1e400'))).toThrow(JsonRefused);
  });
});
