import { describe, expect, it } from 'vitest';
import type { ToolCallInput } from '../../mcp/ports.js';
import { resolve } from '../../tool-call/resolve.js';
import type { Caller } from '../../tool-call/types.js';
import { connectionEntry, workspaceOf } from '../../workspace/tests/support.js';
import { carriedCall } from '../carried-call.js';
import { SEARCH_TOOLS } from '../definitions.js';
import { isFinding } from '../find-tools.js';

const selection = { tools: ['docs_*'], prefix: 'never' } as const;
const workspace = workspaceOf([connectionEntry('docs', ['search', 'fetch'])], undefined, [
  { slug: 'found', ...selection, mode: 'search' },
  { slug: 'listed', ...selection, mode: 'list' },
]);
const callerOn = (resourcePath: string) =>
  ({
    workspace,
    member: { id: 'mem_1', userId: 'usr_1', email: 'a@b.example', roles: [], groups: [] },
    clientId: 'client',
    scopes: ['mcp:read', 'mcp:write'],
    actor: 'a@b.example',
    context: { resourcePath },
  }) as unknown as Caller;
const input = (name: string, argumentsValue: unknown) =>
  ({ name, argumentsValue, idempotencyKey: 'k' }) as unknown as ToolCallInput;

describe('conducktr_call_tool', () => {
  const caller = callerOn('/mcp/found');
  it('is the call of the tool that it names, with its arguments and nothing lost', () => {
    const carried = carriedCall(
      caller,
      input('conducktr_call_tool', { name: 'search', arguments: { query: 'x' } }),
    );
    expect(carried).toEqual({
      name: 'search',
      argumentsValue: { query: 'x' },
      idempotencyKey: 'k',
    });
    expect(resolve(caller, carried.name).tool.shownName).toBe('docs_search');
  });

  it('leaves calls by name as they are', () => {
    const direct = input('search', { query: 'x' });
    expect(carriedCall(caller, direct)).toBe(direct);
  });

  it.each([{}, { name: 7 }, { name: 'search', arguments: 'x' }, { name: 'search', more: 1 }, 'x'])(
    'refuses %j with a sentence',
    (value) => {
      expect(() => carriedCall(caller, input('conducktr_call_tool', value))).toThrow(/\w/);
    },
  );

  it('does not carry itself', () => {
    const nested = { name: 'conducktr_call_tool', arguments: { name: 'search' } };
    const { name } = carriedCall(caller, input('conducktr_call_tool', nested));
    expect(() => resolve(caller, name)).toThrow('Unknown tool: conducktr_call_tool');
  });

  it('is unknown, like the tool that finds, on every path of another mode', () => {
    for (const path of ['/mcp', '/mcp/docs', '/mcp/listed']) {
      const elsewhere = callerOn(path);
      const call = input('conducktr_call_tool', { name: 'search' });
      expect(carriedCall(elsewhere, call)).toBe(call);
      expect(isFinding(elsewhere, input('conducktr_find_tools', {}))).toBe(false);
      for (const { name } of SEARCH_TOOLS)
        expect(() => resolve(elsewhere, name as string)).toThrow('Unknown tool');
    }
  });
});

describe('the two tools', () => {
  it('say what hosts need to know: one only reads, the other may do anything', () => {
    expect(
      SEARCH_TOOLS.map(({ name, annotations, securitySchemes }) => [
        name,
        annotations,
        securitySchemes,
      ]),
    ).toEqual([
      [
        'conducktr_call_tool',
        { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
        [{ type: 'oauth2', scopes: ['mcp:write'] }],
      ],
      [
        'conducktr_find_tools',
        { readOnlyHint: true, destructiveHint: false, openWorldHint: false, idempotentHint: true },
        [{ type: 'oauth2', scopes: ['mcp:read'] }],
      ],
    ]);
  });
});
