import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerValue, paramHeaderLines, paramHeadersOf } from '../param-headers.js';
import { readMessages } from '../messages.js';
import { rawMember } from '../raw-member.js';

describe('the text of a member', () => {
  it('means the same as the parsed member, for any JSON and any spacing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), fc.jsonValue()), { maxLength: 6 }),
        fc.jsonValue(),
        fc.nat(6),
        fc.constantFrom(undefined, 1, '\t', 2),
        (members, value, at, space) => {
          const entries = members.filter(([name]) => name !== 'result');
          entries.splice(Math.min(at, entries.length), 0, ['result', value]);
          const text = JSON.stringify(Object.fromEntries(entries), null, space);
          const raw = rawMember(text, 'result');
          // Only a name written with escapes may hide it.
          if (raw === undefined) expect(text).toContain('\\');
          else expect(JSON.parse(raw)).toEqual(JSON.parse(text).result);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('is the last one where a name is repeated, as for JSON.parse', () => {
    expect(rawMember('{"result":1,"result":{"a":[1,"}"]} }', 'result')).toBe('{"a":[1,"}"]}');
  });

  it.each(['{}', '{"a":{"result":1}}', '{"resul":1}'])('is absent in %s', (text) =>
    expect(rawMember(text, 'result')).toBeUndefined(),
  );
});

describe('reading messages', () => {
  it('a result written with escapes is still read', () => {
    expect(readMessages('{"jsonrpc":"2.0","id":1,"\\u0072esult":{"a":1}}')).toEqual([
      { kind: 'result', id: 1, result: { a: 1 }, resultJson: '{"a":1}' },
    ]);
  });
  it('a result is the same whatever stands around it, and keeps its own text', () => {
    const envelope = fc.constantFrom<(result: string, id: number) => string>(
      (result, id) => `{"jsonrpc":"2.0","id":${id},"result":${result}}`,
      (result, id) => `{"result":${result},"jsonrpc":"2.0","id":${id}}`,
      (result, id) => `{"id":${id},"jsonrpc":"2.0","result":${result}}`,
      (result, id) => ` {"jsonrpc":"2.0","id":${id},"result":${result} }\n`,
    );
    const object = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(
        envelope,
        object,
        fc.nat(),
        fc.constantFrom(undefined, 1),
        (wrap, value, id, space) => {
          const resultJson = JSON.stringify(value, null, space);
          const [message] = readMessages(wrap(resultJson, id));
          expect(message).toEqual({
            kind: 'result',
            id,
            result: JSON.parse(resultJson),
            resultJson,
          });
        },
      ),
    );
  });
  it.each([
    ['{"jsonrpc":"2.0","id":1,"result":{"a":1},"result":{"b":2}}', { b: 2 }],
    ['{"result":{"a":1},"result":{"b":2},"jsonrpc":"2.0","id":1}', { b: 2 }],
    ['{"jsonrpc":"2.0","id":1,"result":{"a":1},"x":{}}', { a: 1 }],
    ['{"jsonrpc":"2.0","id":1,"result":{"a":1}}}', undefined],
    ['{"jsonrpc":"2.0","id":1,"result":{"a":1}', undefined],
    ['{"result":{"a":1}},"jsonrpc":"2.0","id":1}', undefined],
    ['{"jsonrpc":"2.0","id":01,"result":{"a":1}}', undefined],
    ['{"jsonrpc":"2.0","id":1,"result":{"a":1},"error":{"code":1,"message":""}}', undefined],
  ])('%s is read as JSON says', (text, result) => {
    const [message] = readMessages(text);
    expect(message?.kind === 'result' ? message.result : undefined).toEqual(result);
  });
  it('a batch is read one by one', () => {
    expect(
      readMessages('[{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","id":2,"result":{}},7]').map(
        (one) => one.kind,
      ),
    ).toEqual(['notification', 'result']);
  });
  it('what is nested without end is refused before anything walks through it', () => {
    const deep = '['.repeat(300_000) + ']'.repeat(300_000);
    const refused = {
      kind: 'error',
      id: 1,
      error: { code: -32603, message: expect.stringContaining('too deeply') },
    };
    expect(readMessages(`{"jsonrpc":"2.0","id":1,"result":{"a":${deep}}}`)).toEqual([refused]);
    expect(readMessages(`[{"jsonrpc":"2.0","id":1,"result":{"a":${deep}}}]`)).toEqual([refused]);
    expect(
      readMessages(`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","data":${deep}}}`),
    ).toEqual([refused]);
    expect(readMessages(`{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":${deep}}}`)).toEqual(
      [],
    );
  });

  it.each([
    '',
    'null',
    '[]',
    '7',
    '{"id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0","id":1,"error":{}}',
    '{"jsonrpc":"2.0","id":null,"method":"x"}',
  ])('%s is no message', (text) => expect(readMessages(text)).toEqual([]));
});

describe('headers that repeat arguments', () => {
  const schema = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      deep: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } },
      bad: { type: 'string', 'x-mcp-header': 'a b' },
      list: { type: 'array', items: { type: 'string', 'x-mcp-header': 'Item' } },
      object: { type: 'object', 'x-mcp-header': 'Object' },
    },
  };
  it('are those that the schema declares and that are there', () => {
    const declared = paramHeadersOf(schema);
    expect(declared.map((one) => one.header)).toEqual(['mcp-param-region', 'mcp-param-n']);
    expect(paramHeaderLines(declared, { region: 'eu', deep: { n: 3 } })).toEqual([
      'mcp-param-region',
      'eu',
      'mcp-param-n',
      '3',
    ]);
    expect(paramHeaderLines(declared, { region: null, deep: 'x' })).toEqual([]);
  });
  it('can carry any value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const value = headerValue(text);
        expect(value).toMatch(/^[\x20-\x7e\t]+$/);
        const decoded = value.startsWith('=?base64?')
          ? Buffer.from(value.slice(9, -2), 'base64').toString()
          : value;
        expect(decoded).toBe(text.toWellFormed());
      }),
    );
  });
});
