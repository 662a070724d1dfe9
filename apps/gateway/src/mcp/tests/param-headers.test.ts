import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkParamHeaders, paramHeadersOf } from '../param-headers.js';

const SCHEMA = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    deep: { type: 'object', properties: { flag: { type: 'boolean', 'x-mcp-header': 'Flag' } } },
    list: { type: 'array', items: { type: 'string', 'x-mcp-header': 'Item' } },
    object: { type: 'object', 'x-mcp-header': 'Object' },
    blank: { type: 'string', 'x-mcp-header': 'not a token' },
  },
};
const declared = paramHeadersOf(SCHEMA);

test('declarations are found where the specification allows them', () => {
  expect(declared.map(({ header, path }) => [header, path.join('.')])).toEqual([
    ['mcp-param-region', 'region'],
    ['mcp-param-count', 'count'],
    ['mcp-param-flag', 'deep.flag'],
  ]);
  expect(paramHeadersOf(undefined)).toEqual([]);
});

describe('an argument that has a header', () => {
  test.each<[string, unknown, Record<string, string>, boolean]>([
    ['is repeated', { region: 'eu' }, { 'mcp-param-region': 'eu' }, true],
    [
      'is repeated in base64',
      { region: 'Hello' },
      { 'mcp-param-region': '=?base64?SGVsbG8=?=' },
      true,
    ],
    [
      'is no base64 without the suffix',
      { region: '=?base64?SGVsbG8=' },
      { 'mcp-param-region': '=?base64?SGVsbG8=' },
      true,
    ],
    [
      'has broken padding',
      { region: 'Hello' },
      { 'mcp-param-region': '=?base64?SGVsbG8?=' },
      false,
    ],
    [
      'has foreign characters',
      { region: 'Hello' },
      { 'mcp-param-region': '=?base64?SGVs!!!bG8=?=' },
      false,
    ],
    ['is missing in the headers', { region: 'eu' }, {}, false],
    ['says something else', { region: 'eu' }, { 'mcp-param-region': 'us' }, false],
    ['is absent in the body', {}, { 'mcp-param-region': 'us' }, true],
    ['is null in the body', { region: null }, {}, true],
    ['is a number', { count: 42 }, { 'mcp-param-count': '42.0' }, true],
    ['is another number', { count: 42 }, { 'mcp-param-count': '43' }, false],
    ['lies deep', { deep: { flag: true } }, { 'mcp-param-flag': 'true' }, true],
    ['lies deep and differs', { deep: { flag: true } }, { 'mcp-param-flag': 'false' }, false],
  ])('%s', (_what, args, headers, passes) => {
    const refused = checkParamHeaders(declared, args, headers);
    expect(refused === undefined).toBe(passes);
    if (refused) expect([refused.status, refused.error.code]).toEqual([400, -32020]);
  });

  test('passes exactly when the header says its value, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (value, said) => {
        const header = `=?base64?${Buffer.from(said, 'utf8').toString('base64')}?=`;
        expect(
          checkParamHeaders(declared, { region: value }, { 'mcp-param-region': header }) ===
            undefined,
        ).toBe(value === said);
      }),
    );
  });
});
