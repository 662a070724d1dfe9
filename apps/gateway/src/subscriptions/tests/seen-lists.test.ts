import { expect, it } from 'vitest';
import { OWN_TOOLS } from '../../management/tools.js';
import type { Caller } from '../../tool-call/types.js';
import { connectionEntry, workspaceOf } from '../../workspace/tests/support.js';
import { seenLists } from '../seen-lists.js';

function toolsSeen(roles: string[], scopes: readonly string[] = []): string {
  const docs = connectionEntry('docs', ['search']);
  docs.tools[0]!.scopes = scopes;
  const workspace = { ...workspaceOf([docs]), ownTools: OWN_TOOLS };
  const member = { id: 'mem_1', userId: 'usr_1', email: 'a@b.example', roles, groups: [] };
  return seenLists({
    workspace,
    member,
    clientId: 'client',
    scopes: ['mcp:read'],
    actor: member.email,
    context: { resourcePath: '/mcp' },
  } as unknown as Caller).prints.tools;
}

it('the list of tools is another one with a role that may use more of ours, and is the same otherwise', () => {
  expect(toolsSeen(['owner'])).not.toBe(toolsSeen(['member']));
  expect(toolsSeen(['owner'])).toBe(toolsSeen(['admin']));
});

it('the list of tools is another one when a tool needs a scope that it did not need before', () => {
  expect(toolsSeen(['member'], ['read:docs'])).not.toBe(toolsSeen(['member']));
});
