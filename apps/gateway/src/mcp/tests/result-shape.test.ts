import { describe, expect, test } from 'vitest';
import { LEGACY_VERSIONS } from '../versions.js';
import { legacyResult, legacyToolResult, modernToolResult } from '../result-shape.js';
import { toolListBytes } from '../tool-list.js';

describe('for clients before 2026-07-28', () => {
  test('what they know passes untouched, unknown fields included', () => {
    const result = {
      content: [{ type: 'text', text: 'a', extra: 1 }],
      structuredContent: { a: 1 },
      other: true,
      _meta: { x: 1 },
    };
    for (const version of LEGACY_VERSIONS)
      expect(legacyToolResult(result, version)).toEqual(result);
  });

  test('the result type of newer upstreams goes', () => {
    expect(legacyToolResult({ content: [], resultType: 'complete' }, '2025-11-25')).toEqual({
      content: [],
    });
  });

  test('the name of a newer upstream goes: it is the gateway that answers', () => {
    const _meta = { 'io.modelcontextprotocol/serverInfo': { name: 'upstream' }, x: 1 };
    expect(legacyToolResult({ content: [], _meta }, '2025-11-25')['_meta']).toEqual({ x: 1 });
    expect(legacyResult({ contents: [], _meta }, '2025-11-25')['_meta']).toEqual({ x: 1 });
  });

  test.each([[42], ['text'], [null], [[1, 2]], [false]])(
    'structured content %j is wrapped, and said as text',
    (value) => {
      expect(legacyToolResult({ content: [], structuredContent: value }, '2025-11-25')).toEqual({
        content: [{ type: 'text', text: JSON.stringify(value) }],
        structuredContent: { result: value },
      });
    },
  );

  test.each(LEGACY_VERSIONS)(
    '%s: structured content alone is said as text where it is not known',
    (version) => {
      const result = { content: [], structuredContent: { a: 1 } };
      const text = [{ type: 'text', text: '{"a":1}' }];
      const known = version >= '2025-06-18';
      expect(legacyToolResult(result, version)['content']).toEqual(known ? [] : text);
    },
  );

  test('an error keeps its words but no structured content: they would check it against the schema', () => {
    expect(
      legacyToolResult({ isError: true, structuredContent: { reason: 'x' } }, '2025-11-25'),
    ).toEqual({
      isError: true,
      content: [{ type: 'text', text: '{"reason":"x"}' }],
    });
    const spoken = {
      isError: true,
      content: [{ type: 'text', text: 'no' }],
      structuredContent: {},
    };
    expect(legacyToolResult(spoken, '2025-11-25')).toEqual({
      isError: true,
      content: [{ type: 'text', text: 'no' }],
    });
  });

  test('a link that they cannot read becomes its address', () => {
    const content = [
      { type: 'resource_link', uri: 'file:///a', name: 'a', title: 'A', description: 'the a' },
    ];
    expect(legacyToolResult({ content }, '2024-11-05')).toEqual({
      content: [{ type: 'text', text: 'A: the a file:///a' }],
    });
  });
});

describe('for clients of 2026-07-28', () => {
  test('a result without content has an empty one, but a request for input does not', () => {
    expect(modernToolResult({})).toMatchObject({ content: [], resultType: 'complete' });
    expect(
      modernToolResult({ resultType: 'input_required', inputRequests: {} }),
    ).not.toHaveProperty('content');
  });

  test('what an upstream says in _meta stays', () => {
    expect(modernToolResult({ content: [], _meta: { a: 1 } })._meta).toMatchObject({ a: 1 });
  });
});

describe('a list of tools', () => {
  const tools = [
    {
      name: 'a',
      inputSchema: {},
      execution: { taskSupport: 'optional' },
      outputSchema: { anyOf: [] },
    },
    { name: 'b', inputSchema: {}, outputSchema: { type: 'object' } },
  ];

  test('has no schema that one era would refuse', () => {
    const legacy = JSON.parse(toolListBytes(tools, 'legacy').toString()) as { tools: object[] };
    expect(legacy.tools).toEqual([
      { name: 'a', inputSchema: {}, execution: { taskSupport: 'optional' } },
      tools[1],
    ]);
    const modern = JSON.parse(toolListBytes(tools, 'modern').toString()) as { tools: object[] };
    expect(modern.tools).toEqual([
      { name: 'a', inputSchema: {}, outputSchema: { anyOf: [] } },
      tools[1],
    ]);
  });

  test('is written once', () => {
    expect(toolListBytes(tools, 'legacy')).toBe(toolListBytes(tools, 'legacy'));
    const counted = [{ toJSON: () => ({ n: ++writes }) }];
    let writes = 0;
    toolListBytes(counted, 'legacy');
    toolListBytes(counted, 'legacy');
    expect(writes).toBe(1);
  });

  test('is forgotten when others were asked for since, up to 64 MB in all', () => {
    let writes = 0;
    const large = () => [{ toJSON: () => ({ n: ++writes, text: 'x'.repeat(20 * 1024 * 1024) }) }];
    const [first, second, third, fourth] = [large(), large(), large(), large()];
    for (const each of [first, second, third, first, fourth]) toolListBytes(each, 'legacy');
    expect(writes).toBe(4);
    toolListBytes(first, 'legacy');
    expect(writes).toBe(4);
    toolListBytes(second, 'legacy');
    expect(writes).toBe(5);
  });
});
