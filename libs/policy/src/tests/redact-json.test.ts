import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile.js';
import { decide } from '../decide.js';
import { parsePolicy } from '../parse.js';
import { redactJson } from '../redact/redact-json.js';
import { RedactionError, RedactionWork } from '../redact/work.js';
import { aCall } from './factories.js';

/** As a decision has them. */
function redactionsOf(...redacts: object[]) {
  const rules = redacts.map((redact, index) => ({ id: `r${index}`, effect: 'redact', redact }));
  const policy = compilePolicy(parsePolicy({ version: 1, default: 'allow', rules }));
  return decide(policy, aCall()).redactions!;
}
const redact = <T>(value: T, ...redacts: object[]) =>
  redactJson(redactionsOf(...redacts), 'result', value);

describe('fields', () => {
  const customer = {
    name: 'Ada',
    cards: [{ number: '1', limit: 5 }, { number: '2' }],
    'a.b': { c: 1 },
  };

  it.each([
    ['cards.*.number', { cards: [{ number: '-', limit: 5 }, { number: '-' }] }],
    ['cards.1.number', { cards: [{ number: '1', limit: 5 }, { number: '-' }] }],
    ['**.number', { cards: [{ number: '-', limit: 5 }, { number: '-' }] }],
    ['**.name', { name: '-' }],
    ['cards', { cards: '-' }],
    ['cards.**.limit', { cards: [{ number: '1', limit: '-' }, { number: '2' }] }],
    ['cards.**', { cards: '-' }],
    ['a\\.b.c', { 'a.b': { c: '-' } }],
    ['a.b.c', {}],
    ['number', {}],
    ['**.0.**.limit', { cards: [{ number: '1', limit: '-' }, { number: '2' }] }],
  ])('%s', (field, changed) => {
    const redacted = redact(customer, { fields: [field], with: '-' });
    expect(redacted).toEqual({ ...customer, ...changed });
  });

  it('are those of JSON in a text too, which stays as it was laid out', () => {
    const redacts = { fields: ['customer.email'], with: '-' };
    const text = JSON.stringify({ customer: { email: 'a@b.cc', id: 7 } }, null, 2);
    const answer = { content: [{ type: 'text', text }], structuredContent: JSON.parse(text) };
    const { content } = redact(answer, redacts);
    expect(content[0]?.text).toBe(text.replace('a@b.cc', '-'));
    expect(redact(text.replaceAll(/\s/g, ''), redacts)).toBe('{"customer":{"email":"-","id":7}}');
    expect(redact({ deep: JSON.stringify({ in: text }) }, redacts).deep).not.toContain('a@b.cc');
    const lines = '{"customer":{"email":"a@b.cc"}}\n\n{"customer":{}}\n';
    expect(redact(lines, redacts)).toBe('{"customer":{"email":"-"}}\n\n{"customer":{}}\n');
  });

  it('of a text that was to be JSON and is not: all of it goes', () => {
    const redacts = { fields: ['email'], with: '-' };
    expect(redact('{"email":"a@b.cc", "cut', redacts)).toBe('-');
    expect(redact('{"email":"a@b.cc",}', redacts)).toBe('-');
    expect(redact('"{\\"email\\":\\"a@b.cc\\", cut', redacts)).toBe('-');
    expect(redact('[a link](https://example.com)', redacts)).toBe('[a link](https://example.com)');
    expect(redact('{"email":"a@b.cc", "cut', { kinds: ['email'], with: '-' })).toBe(
      '{"email":"-", "cut',
    );
  });

  it('are found whatever name is said twice, and in JSON that is quoted as JSON', () => {
    const redacts = { fields: ['a.b'], kinds: ['email'], with: '-' };
    expect(redact('{"a":{"b":1},"a":{"c":2}}', redacts)).toBe('{"a":{"c":2}}');
    expect(redact('{"m":"ada@example.com","m":"no"}\n{}', redacts)).toBe('{"m":"no"}\n{}');
    const once = JSON.stringify({ a: { b: 'x' }, 'a:"': '"b":' });
    const twice = JSON.stringify(once);
    expect(redact(twice, redacts)).toBe(JSON.stringify(once.replace('"x"', '"-"')));
    expect(redact(JSON.stringify(twice), redacts)).not.toContain('x');
    for (const same of ['"{a}" is not {b}', '{"a:" : {"c":[{"a":1}, ":", {}]}}'])
      expect(redact(same, redacts)).toBe(same);
  });

  it('leave the numbers beside them as they were written', () => {
    const text = '{"a":1,"big":12345678901234567890,"exp":1e400,"one":1.0}';
    expect(redact(text, { fields: ['a'], with: '-' })).toBe(text.replace('1', '"-"'));
  });

  it('named like what every object has are names', () => {
    const text = '{"__proto__":{"a":1},"constructor":2}';
    expect(redact(text, { fields: ['__proto__.a', 'constructor'], with: '-' })).toBe(
      '{"__proto__":{"a":"-"},"constructor":"-"}',
    );
    expect(redact(text, { fields: ['**.toString'] })).toBe(text);
  });
});

describe('kinds', () => {
  const key = `${'AKIA'}IOSFODNN7EXAMPLE`;
  it.each([
    ['email', 'Ada <ada.l+x@mail.example.com>, bob', 'Ada <->, bob'],
    ['email', 'see https://x.test/?to=ada%40example.com&n=1', 'see https://x.test/?to=-&n=1'],
    ['email', 'müller@exämple.de.', '-.'],
    ['email', 'npm i @scope/name@1.2 a@b', 'npm i @scope/name@1.2 a@b'],
    ['card', 'no 4111 1111 1111 1111, 4111-1111-1111-1112', 'no -, 4111-1111-1111-1112'],
    ['card', 'id 12 4111111111111111 3', 'id 12 - 3'],
    ['card', '4111\u00a01111\u00a01111\u00a01111', '-'],
    ['card', 'amex 378282246310005', 'amex -'],
    ['card', 'at 1763721600000', 'at 1763721600000'],
    ['iban', 'to GB82 WEST 1234 5698 7654 32 now', 'to - now'],
    ['iban', 'de89370400440532013000', '-'],
    ['iban', 'DE89370400440532013001', 'DE89370400440532013001'],
    ['phone', 'call +49 (0)30 1234-567.', 'call -.'],
    ['phone', '(212) 555-0123 or 212-555-0123', '- or -'],
    ['phone', '0171/1234567', '-'],
    ['phone', 'on 2026-11-23 10:30:00+0100, 1763721600, 05-06-2024', undefined],
    ['secret', `key ${key}.`, 'key -.'],
    ['secret', 'Authorization: Bearer abcdef0123456789abcdef', 'Authorization: Bearer -'],
    ['secret', 'postgres://app:hunter2@db/x', 'postgres://app:-@db/x'],
    ['secret', 'DB_PASSWORD="correct horse" # old', 'DB_PASSWORD="-" # old'],
    ['secret', 'sent {\\"password\\":\\"hunter2\\"}', 'sent {\\"password\\":\\"-\\"}'],
    ['secret', 'password: "hun\\"ter2"', 'password: "-"'],
    ['secret', 'api_key = q8Zr1vT0pLx7Wm3K', 'api_key = -'],
    ['secret', 'nextPageToken=q8Zr1vT0pLx7Wm3K', undefined],
    ['secret', 'token: the next one', undefined],
    ['secret', 'a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b', 'a - b'],
  ])('%s in %s', (kind, text, redacted = text) => {
    expect(redact(text, { kinds: [kind], with: '-' })).toBe(redacted);
  });

  it('are found in names, in numbers, in nested JSON, and under names that say so', () => {
    const redacts = { kinds: ['email', 'card', 'secret'], with: '-' };
    expect(
      redact(
        {
          'ada@example.com': 1,
          'bob@example.com': 2,
          '- 2': 3,
          card: 4111111111111111,
          password: 'hunter2',
          passcode: 123456,
          apiKey: 'q8Zr1vT0pLx7Wm3K',
          refresh_tokens: ['q8Zr1vT0pLx7Wm3K'],
          objectKey: 'reports/2026/q8Zr1vT0.pdf',
          nextPageToken: 'q8Zr1vT0pLx7Wm3K',
          text: '{"a":"\\u0061da\\u0040example.com"}',
        },
        redacts,
      ),
    ).toEqual({
      '-': 1,
      '- 3': 2,
      '- 2': 3,
      card: '-',
      password: '-',
      passcode: '-',
      apiKey: '-',
      refresh_tokens: ['-'],
      objectKey: 'reports/2026/q8Zr1vT0.pdf',
      nextPageToken: 'q8Zr1vT0pLx7Wm3K',
      text: '{"a":"-"}',
    });
  });
});

it('patterns take out what they match, and what overlaps is one gap', () => {
  expect(redact('PRJ-12 and PRJ-7', { patterns: ['PRJ-[0-9]+'] })).toBe(
    '[redacted] and [redacted]',
  );
  expect(redact('12345', { patterns: ['[0-9]'], with: '-' })).toBe('-');
  expect(redact({ n: 123 }, { patterns: ['^123$'], with: '-' })).toEqual({ n: '-' });
  expect(
    redact('ada@example.com', { patterns: ['da@ex'], with: '1' }, { kinds: ['email'], with: '2' }),
  ).toBe('2');
});

it('takes out of results and of audit what is to go there, and else hands back the same object', () => {
  const value = { email: 'ada@example.com', deep: { n: [1, 'x'] } };
  const redactions = redactionsOf(
    { fields: ['email'], from: ['audit'] },
    { patterns: ['nothing'], from: ['result'] },
  );
  expect(redactJson(redactions, 'result', value)).toBe(value);
  const forAudit = redactJson(redactions, 'audit', value);
  expect(forAudit).toEqual({ ...value, email: '[redacted]' });
  expect(forAudit.deep).toBe(value.deep);
  expect(value.email).toBe('ada@example.com');
});

/** Of this process, so that a busy machine does not count; with what the collector does beside it. */
function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

describe('what cannot be redacted is refused soon', () => {
  const long = 'ab'.repeat(1_000_000);
  const random = Array.from({ length: 60_000 }, (_, i) => (Math.sin(i * i) > 0 ? 'a' : 'b')).join(
    '',
  );
  let nested: unknown = 1;
  for (let depth = 0; depth < 5_000; depth++) nested = [nested];
  it.each([
    ['a huge text and a pattern', { patterns: ['a[ab]{40}c'] }, `${long}c`],
    ['a pattern whose automaton explodes', { patterns: ['(a|b)*a(a|b){60}c'] }, `${random}c`],
    ['a search that is quadratic', { patterns: ['a[^x]*x|a'] }, 'a'.repeat(100_000)],
    ['deep nesting', { kinds: ['email'] }, nested],
    [
      'many paths over many members',
      { fields: Array.from({ length: 100 }, (_, i) => `**.a.**.b.**.c${i}`) },
      Array.from({ length: 50_000 }, () => ({ a: { b: 1 } })),
    ],
    [
      'short texts without end',
      { kinds: ['email', 'phone', 'secret'] },
      Array.from({ length: 200_000 }, (_, i) => `text-${i}`),
    ],
  ])('%s', (_what, asked, value) => {
    const redactions = redactionsOf(asked);
    const spent = processorMs(() =>
      expect(() => redactJson(redactions, 'result', value)).toThrow(RedactionError),
    );
    expect(spent).toBeLessThan(1_500);
  });

  it('and parts of one answer share one budget', () => {
    const redactions = redactionsOf({ patterns: ['a[ab]{40}c'] });
    const work = new RedactionWork();
    const part = `${'ab'.repeat(10_000)}c`;
    expect(() => {
      for (let times = 0; times < 20; times++) redactJson(redactions, 'result', part, work);
    }).toThrow(RedactionError);
    expect(redactJson(redactions, 'result', part)).toBeTypeOf('string');
  });

  it.each<[string, string[], string?]>([
    ['@', ['email']],
    ['a@', ['email']],
    ['4 ', ['card']],
    ['4111-', ['card']],
    ['GB82 ', ['iban']],
    ['+4-', ['phone']],
    ['0171/12 ', ['phone']],
    ['(212) ', ['phone']],
    ['eyJ', ['secret']],
    ['eyJaaaaaaaaaa.', ['secret']],
    ['password="', ['secret']],
    ["password='x ", ['secret']],
    ['-----BEGIN PRIVATE KEY-----', ['secret']],
    ['-----BEGIN PRIVATE KEY-----', ['secret'], '-----END PRIVATE KEY-----'],
    ['://a:', ['secret']],
    ['{ ', ['secret']],
    ['{"a":', ['email']],
  ])(
    'and kinds are searched for in linear time, also in %s and again %s',
    (piece, kinds, end = '') => {
      const redactions = redactionsOf({ kinds, fields: ['x'] });
      const text = piece.repeat(500_000 / piece.length) + end;
      const spent = processorMs(() => {
        try {
          redactJson(redactions, 'result', text);
        } catch (error) {
          expect(error).toBeInstanceOf(RedactionError);
        }
      });
      expect(spent).toBeLessThan(1_500);
    },
  );
});

describe('for any value', () => {
  const planted = 'QX7-planted-1Z';
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
  const name = fc.constantFrom('a', 'b', 'secret', 'x.y', '__proto__', '0');
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.constant(planted),
      fc.array(tie('value'), { maxLength: 3 }),
      fc
        .array(fc.tuple(name, tie('value')), { maxLength: 3 })
        .map((all) => Object.fromEntries(all)),
      tie('value').map((inner) => JSON.stringify({ a: inner }) as unknown),
    ),
  }));

  it('what a pattern names is gone, and nothing else', () => {
    const redactions = redactionsOf({ patterns: [planted], with: '-' });
    fc.assert(
      fc.property(value, (any) => {
        const redacted = redactJson(redactions, 'result', any);
        expect(JSON.stringify(redacted)).not.toContain(planted);
        expect(JSON.stringify(redacted)).toBe(JSON.stringify(any).replaceAll(planted, '-'));
      }),
      { numRuns: 300 },
    );
  });

  it('no value under a name stays, however deep and in whatever text', () => {
    const redactions = redactionsOf({ fields: ['**.secret'], with: '-' });
    const holds = (any: unknown): boolean => {
      if (typeof any === 'string' && /^[{[]/.test(any)) {
        try {
          return holds(JSON.parse(any));
        } catch {
          return false;
        }
      }
      if (typeof any !== 'object' || any === null) return false;
      return Object.entries(any).some(
        ([key, inner]) => (key === 'secret' && inner !== '-') || holds(inner),
      );
    };
    let held = 0;
    fc.assert(
      fc.property(value, (any) => {
        if (holds(any)) held++;
        expect(holds(redactJson(redactions, 'result', any))).toBe(false);
      }),
      { numRuns: 300 },
    );
    expect(held).toBeGreaterThan(10);
  });
});
