import { expect, test } from 'vitest';
import { presentTool } from '../present-tool.js';

const DEFINITION = {
  name: 'issue.create',
  title: 'Create issue',
  description: 'Creates one.',
  inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'A' } } },
  outputSchema: { type: 'object' },
  icons: [{ src: 'https://example.test/i.png' }],
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    title: 'Old title',
  },
  _meta: { ui: { resourceUri: 'ui://x' }, securitySchemes: [{ type: 'noauth' }] },
  securitySchemes: [{ type: 'noauth' }],
  'x-vendor': { any: 'thing' },
};
const present = (toolClass: 'read' | 'write' | 'destructive', scopes: string[] = []) =>
  presentTool(DEFINITION, { shownName: 'linear-prod_issue_create', class: toolClass, scopes });

test('what the upstream said stays, fields that we do not know included', () => {
  const { title, description, inputSchema, outputSchema, icons } = DEFINITION;
  expect(present('write')).toMatchObject({
    name: 'linear-prod_issue_create',
    title,
    description,
    inputSchema,
    outputSchema,
    icons,
    'x-vendor': { any: 'thing' },
    _meta: { ui: { resourceUri: 'ui://x' } },
  });
});

test.each([
  ['read', true, false, ['mcp:read']],
  ['write', false, false, ['mcp:write']],
  ['destructive', false, true, ['mcp:write']],
] as const)(
  'hints and scopes of a %s tool follow from its class, whatever the upstream claims',
  (toolClass, readOnlyHint, destructiveHint, scopes) => {
    const tool = present(toolClass);
    expect(tool['annotations']).toEqual({
      readOnlyHint,
      destructiveHint,
      openWorldHint: true,
      idempotentHint: true,
      title: 'Old title',
    });
    expect(tool['securitySchemes']).toEqual([{ type: 'oauth2', scopes }]);
    expect((tool['_meta'] as Record<string, unknown>)['securitySchemes']).toEqual(
      tool['securitySchemes'],
    );
  },
);

test('all three hints are there when the upstream says nothing', () => {
  const tool = presentTool(
    { name: 'a' },
    { shownName: 'c_a', class: 'read', scopes: ['read:inventory'] },
  );
  expect(tool).toEqual({
    name: 'c_a',
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: true },
    securitySchemes: [{ type: 'oauth2', scopes: ['mcp:read', 'read:inventory'] }],
    _meta: { securitySchemes: [{ type: 'oauth2', scopes: ['mcp:read', 'read:inventory'] }] },
  });
});

test('the pinned definition itself is not touched', () => {
  const before = structuredClone(DEFINITION);
  present('read');
  expect(DEFINITION).toEqual(before);
});
