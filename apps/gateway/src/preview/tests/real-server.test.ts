/** A page of a real MCP server that an agent wants to change: set up, read and shown over REST. */
import { mintApiKey } from '@conducktor/identity';
import { startRecordingUpstream, type RecordingUpstream } from '@conducktor/testing';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startWholePath, type WholePath } from '../../tests/support/whole-path.js';

let path: WholePath;
let server: RecordingUpstream;
let admin: string;
const pages = new Map([['7', { title: 'Hours', text: 'Mondays' }]]);

const given = (page: unknown) => ({
  content: [{ type: 'text', text: JSON.stringify(page) }],
  structuredContent: page,
});
const tool = (name: string, run: (args: Record<string, unknown>) => object) => ({
  definition: { name, inputSchema: { type: 'object' } },
  run: async (args: Record<string, unknown>) => given(run(args)),
});

beforeAll(async () => {
  [path, server] = await Promise.all([
    startWholePath({ control: true }),
    startRecordingUpstream({
      tools: [
        tool('get_page', ({ id }) => pages.get(String(id))!),
        tool('try_update', ({ id, change }) => ({
          ...pages.get(String(id)),
          ...(change as object),
        })),
        tool('update_page', ({ id, ...change }) => {
          pages.set(String(id), { ...pages.get(String(id))!, ...change });
          return pages.get(String(id))!;
        }),
      ],
    }),
  ]);
  const { tenantId, owner } = path.people;
  const { id, key, secretHash } = mintApiKey();
  await path.admin.withTenant(tenantId, (tx) =>
    tx.query(
      `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes) values ($1, $2, $3, 'rest', $4, '{admin}')`,
      [tenantId, id, owner.memberId, secretHash],
    ),
  );
  admin = key;
});
afterAll(async () => {
  await path.stop();
  await server.close();
});

const rest = async (method: string, route: string, body?: object) => {
  const answer = await fetch(`${path.controlUrl}/api/v1/${route}`, {
    method,
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const read = (await answer.json()) as Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- what a test expects there
  if (!answer.ok) throw new Error(JSON.stringify(read));
  return read;
};

it('stands beside the call as it is and as it would be, before anything was changed', async () => {
  await path.connect('wiki', server.url, ['get_page', 'try_update', 'update_page']);
  for (const name of ['get_page', 'try_update'])
    await rest('PATCH', `tools/wiki_${name}`, { class: 'read' });
  // With its first call the worker lists the server, and what is pinned from then on is what it lists.
  const hashes = async (): Promise<string[]> =>
    (await rest('GET', 'tools'))['items'].map(
      (each: { definitionHash: string }) => each.definitionHash,
    );
  const before = await hashes();
  await path.call(path.gateways[0]!, 'wiki_get_page', { id: 7 });
  while ((await hashes()).some((each) => before.includes(each))) await pause(50);
  await rest('PATCH', 'tools/wiki_update_page', {
    preview: {
      before: { tool: 'wiki_get_page', arguments: { id: { $from: '/id' } } },
      after: {
        tool: 'wiki_try_update',
        arguments: { id: { $from: '/id' }, change: { text: { $from: '/text' } } },
      },
    },
  });
  await path.activate({
    version: 1,
    default: 'allow',
    rules: [
      {
        id: 'ask',
        when: { tools: ['wiki_update_page'] },
        effect: 'require_approval',
        approvers: { roles: ['owner'] },
      },
    ],
  });
  const waiting = path.call(path.gateways[0]!, 'wiki_update_page', { id: 7, text: 'Sundays' });
  let approval: Record<string, any> | undefined; // oxlint-disable-line typescript/no-explicit-any -- what a test expects there
  for (let tries = 0; tries < 400; tries++) {
    const [newest] = (await rest('GET', 'approvals?status=pending'))['items'];
    approval = newest && (await rest('GET', `approvals/${newest.id}`));
    if (
      approval &&
      approval['preview'].after.state !== 'waiting' &&
      approval['preview'].before.state !== 'waiting'
    )
      break;
    await pause(50);
  }
  expect(approval!['preview']).toEqual({
    before: expect.objectContaining({
      tool: 'wiki_get_page',
      state: 'available',
      content: '{\n  "title": "Hours",\n  "text": "Mondays"\n}',
    }),
    after: expect.objectContaining({
      tool: 'wiki_try_update',
      content: '{\n  "title": "Hours",\n  "text": "Sundays"\n}',
    }),
  });
  expect(pages.get('7')!.text).toBe('Mondays');
  await rest('POST', `approvals/${approval!['id']}/approve`, { reason: '' });
  expect(JSON.stringify(await waiting)).toContain('Sundays');
  expect(pages.get('7')!.text).toBe('Sundays');
});
