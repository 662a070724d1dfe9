import { expect, it } from 'vitest';
import { connectionEntry, workspaceOf } from '../../workspace/tests/support.js';
import type { Workspace } from '../../workspace/types.js';
import { refusalAnswer } from '../answers.js';
import type { Refusal } from '../refusal.js';
import { resolve } from '../resolve.js';
import type { Caller } from '../types.js';
import { viewFor } from '../view-for.js';

const callerOn = (workspace: Workspace, resourcePath: string) =>
  ({
    workspace,
    member: { id: 'mem_1', userId: 'usr_1', email: 'a@b.example', roles: [], groups: [] },
    clientId: 'client',
    scopes: ['mcp:read', 'mcp:write'],
    actor: 'a@b.example',
    context: { resourcePath },
  }) as unknown as Caller;

const connections = [
  connectionEntry('open', ['read']),
  connectionEntry('secret', ['read'], { capabilities: { tools: {}, resources: {} } }),
  connectionEntry('files', [], { capabilities: { resources: {} } }),
];
const policy = {
  version: 1,
  default: 'allow-read',
  rules: [{ id: 'not-you', when: { connections: ['secret'] }, effect: 'deny' }],
};
const workspace = workspaceOf(connections, policy);

const refused = (path: string) => {
  try {
    viewFor(callerOn(workspace, path));
  } catch (error) {
    return error as Refusal;
  }
  throw new Error(`${path} was shown.`);
};

it('a path with nothing, and one that the caller may not know of, answer alike: 404', () => {
  const answers = ['/mcp/nothing', '/mcp/secret'].map((path) => {
    const refusal = refused(path);
    expect(refusal.code).toBe('not_found');
    const answer = JSON.stringify(
      refusalAnswer(refusal, undefined, 'https://x.example/m', {
        method: 'tools/call',
        era: 'legacy',
      }),
    );
    return answer.replaceAll(path, '<path>');
  });
  expect(answers[1]).toBe(answers[0]);
  expect(JSON.parse(answers[0]!)).toMatchObject({
    kind: 'error',
    status: 404,
    error: { code: -32_602, data: { _meta: { 'conducktor/code': 'not_found' } } },
  });
});

it('a connection is known by its resources too', () => {
  expect(viewFor(callerOn(workspace, '/mcp/files')).connections).toEqual([connections[2]]);
});

it('a tool answers to its name on the path that was asked, and to no other', () => {
  const target = resolve(callerOn(workspace, '/mcp/open'), 'read');
  expect(target.tool.shownName).toBe('open_read');
  for (const [path, name] of [
    ['/mcp/open', 'open_read'],
    ['/mcp', 'read'],
    ['/mcp/open', 'files_read'],
  ] as const)
    expect(() => resolve(callerOn(workspace, path), name)).toThrow(`Unknown tool: ${name}`);
});

it('a refused tool of a connection that is known by its resources is refused by name', () => {
  const mixed = connectionEntry('mixed', ['read'], { capabilities: { resources: {} } });
  const rules = [{ id: 'no-tools', when: { tools: ['mixed_read'] }, effect: 'deny' }];
  const shown = workspaceOf([mixed], { version: 1, default: 'allow-read', rules });
  expect(resolve(callerOn(shown, '/mcp'), 'mixed_read').tool.shownName).toBe('mixed_read');
});
