/** What is read for approvers beside a call that waits: who reads it, what is kept, and what is never called. */
import { setTimeout as pause } from 'node:timers/promises';
import type { CallRequest, CallResult, KeptPreview } from '@conducktor/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

const READ_MS = 3_000;

let stack: GovernedStack;
let connectionId: string;
let asked = 0;
/** What the server gives next when it is read. */
let gives: (call: CallRequest) => Promise<CallResult>;

const text = (...texts: string[]) =>
  answered({ content: texts.map((each) => ({ type: 'text', text: each })) });
const rule = { effect: 'require_approval', approvers: { group: 'admins' } };
const ASK = { id: 'ask', when: { tools: ['wiki_update'] }, ...rule };
const policy = (...rules: object[]) => ({ version: 1, default: 'allow', rules });
const sql = (query: string, ...values: unknown[]) => stack.admin.pool.query(query, values);

beforeAll(async () => {
  stack = await startGovernedStack({ approvalHoldMs: 100, previewReadMs: READ_MS });
  connectionId = await stack.connect('wiki', { tools: {} }, (call) => gives(call));
  for (const name of ['get', 'try'])
    await stack.addTool(connectionId, 'wiki', name, {
      class_override: 'read',
      labels: name === 'get' ? ['private'] : [],
    });
  await stack.addTool(connectionId, 'wiki', 'update', { proposed_class: 'write' });
  await stack.activate(policy(ASK));
});
afterAll(() => stack.stop());
beforeEach(async () => {
  gives = async ({ name }) => text(`${name} gave this`);
  await sql(
    `update tool set hidden = false, removed_at = null, class_override = 'read', offered_definition = null,
            offered_hash = null, offered_class = null, offered_at = null where upstream_name = 'get'`,
  );
  await preview({ before: ['get', { page: { $from: '/page' } }] });
  await stack.activate(policy(ASK));
  stack.calls.splice(0);
});

/** As the control plane stores it. */
async function preview(sides: Record<string, [tool: string, args: object]>) {
  await sql(
    `update tool set preview = $1 where upstream_name = 'update'`,
    JSON.stringify(
      Object.fromEntries(
        await Promise.all(
          Object.entries(sides).map(async ([side, [tool, args]]) => {
            const { rows } = await sql(
              `select id as tool, encode(definition_hash, 'hex') as "definitionHash" from tool where upstream_name = $1`,
              tool,
            );
            return [side, { ...rows[0], arguments: args }];
          }),
        ),
      ),
    ),
  );
}

interface Row {
  request: string;
  side: string;
  tool: string;
  member: string;
  labels: string[];
  sealed: Buffer | null;
}
const rows = async (): Promise<Row[]> =>
  (
    await sql(
      `select p.request_id as request, p.side, p.tool, r.member_id as member, p.labels, p.sealed
         from approval_preview p join approval_request r on r.tenant_id = p.tenant_id and r.id = p.request_id
        where r.created_at = (select max(created_at) from approval_request) order by p.side desc`,
    )
  ).rows;

/** Asks for a call that nobody asked for before; answers with its text. */
async function ask(args: object = {}): Promise<string> {
  const answer = await stack.call('wiki_update', { page: ++asked, ...args });
  return JSON.stringify(answer);
}
/** The sides of the newest request, when all of them are kept. */
async function kept(): Promise<Record<string, KeptPreview>> {
  for (let tries = 0; tries < 600; tries++) {
    const all = await rows();
    if (all.length > 0 && all.every(({ sealed }) => sealed)) {
      const opened = all.map(async ({ request, side, member, sealed }) => [
        side,
        JSON.parse(await stack.opened(member, `approval-preview/${request}/${side}`, sealed!)),
      ]);
      return Object.fromEntries(await Promise.all(opened));
    }
    await pause(20);
  }
  throw new Error(`It was not kept: ${JSON.stringify(await rows())}`);
}
const before = async (args?: object) => {
  await ask(args);
  return (await kept())['before']!;
};
const read = () => stack.calls.map(({ name, argumentsJson }) => [name, JSON.parse(argumentsJson)]);

describe('what is read beside a call that waits', () => {
  it('is a call of the requester’s own, recorded as one, once for all who ask the same', async () => {
    await preview({
      before: ['get', { page: { $from: '/page' }, as: ['text', { $from: '/title' }] }],
      after: ['try', { changes: { $from: '' } }],
    });
    gives = async ({ name }) =>
      name === 'get'
        ? text('{"title":"Old","n":12345678901234567890}', 'and more')
        : answered({ content: [], structuredContent: { title: 'New', tags: [] } });
    const page = ++asked;
    const args = { page, title: 'New' };
    await Promise.all(Array.from({ length: 20 }, () => stack.call('wiki_update', args)));
    expect(await kept()).toEqual({
      before: { content: '{\n  "title": "Old",\n  "n": 12345678901234567890\n}\nand more' },
      after: { content: '{\n  "title": "New",\n  "tags": []\n}' },
    });
    expect(read().toSorted()).toEqual([
      ['get', { page, as: ['text', 'New'] }],
      ['try', { changes: args }],
    ]);
    const [{ request }, records] = [(await rows())[0]!, await stack.records()];
    const intents = records.filter(({ previewOf }) => previewOf === request);
    expect(intents.map(({ tool }) => tool).toSorted()).toEqual(['wiki_get', 'wiki_try']);
    for (const intent of intents)
      expect(intent).toMatchObject({ memberId: stack.people.member.memberId, decision: 'allow' });
    // Whoever is given it is told by these; the client was given nothing.
    expect((await rows()).map(({ labels }) => labels)).toEqual([['private'], []]);
    expect((await sql('select from taint')).rowCount).toBe(0);
  });

  it('keeps no client waiting, and is over after its time', async () => {
    gives = async () => {
      await pause(READ_MS + 300);
      return { outcome: 'cancelled', durationMs: READ_MS };
    };
    const startedAt = performance.now();
    expect(await ask()).toContain('Approval required');
    expect(performance.now() - startedAt).toBeLessThan(READ_MS);
    expect((await rows())[0]!.sealed).toBeNull();
    expect(await kept()).toEqual({ before: { reason: 'wiki_get did not answer within 3 s.' } });
  });

  it('is not kept when it comes after approvers were told that there is none', async () => {
    let release = () => {};
    gives = () => new Promise((resolve) => (release = () => resolve(text('late'))));
    await ask();
    while (stack.calls.length === 0) await pause(10);
    await sql('update approval_preview set until = now()');
    release();
    while ((await stack.records()).length === 0) await pause(10);
    await pause(200);
    expect((await rows())[0]!.sealed).toBeNull();
  });

  it('follows the policy: what is denied, or needs approval itself, is not called', async () => {
    const deny = { id: 'no', when: { tools: ['wiki_get'] }, effect: 'deny', message: 'Not yours' };
    await stack.activate(policy(ASK, deny));
    expect((await before()).reason).toMatch(/^wiki_get was not called\. .*Not yours/);
    const [{ request }, records] = [(await rows())[0]!, await stack.records()];
    expect(records.at(-1)).toMatchObject({ code: 'policy_denied', previewOf: request, rule: 'no' });
    await stack.activate(policy({ id: 'all', when: { connections: ['wiki'] }, ...rule }));
    expect((await before()).reason).toContain('would need approval, by the rule "all"');
    await stack.activate(
      policy(ASK, { id: 'cut', when: {}, effect: 'redact', redact: { fields: ['secret'] } }),
    );
    gives = async () => text('{"secret":"hidden","page":1}');
    expect((await before()).content).not.toContain('hidden');
    expect(stack.calls.map(({ name }) => name)).toEqual(['get']);
  });

  it.each([
    ['hidden', 'hidden = true', /hidden or not there/],
    ['gone', 'removed_at = now()', /hidden or not there/],
    ['of another class', "class_override = 'write'", /class read/],
    ['read by its own word only', "class_override = null, proposed_class = 'read'", /class read/],
    ['another than it was', "definition_hash = sha256('x')", /was changed since/],
    [
      'held back',
      "offered_definition = '{}', offered_hash = sha256('y'), offered_class = 'read', offered_at = now()",
      /held back/,
    ],
  ])('calls no tool that is %s', async (_what, change, why) => {
    await sql(`update tool set ${change} where upstream_name = 'get'`);
    expect((await before()).reason).toMatch(why);
    expect(stack.calls).toEqual([]);
  });

  it('says why where the call has not what it is read by', async () => {
    await preview({ before: ['get', { page: { $from: '/list/0/__proto__' } }] });
    expect((await before({ list: [{}] })).reason).toContain('nothing at "/list/0/__proto__"');
    expect(stack.calls).toEqual([]);
  });

  it('keeps 64 KiB as text of whatever a service gives, and its failures in words', async () => {
    const DEEP = 100_000;
    gives = async () => text(`${'['.repeat(DEEP)}${']'.repeat(DEEP)}`);
    const deep = await before();
    expect(deep).toMatchObject({ cut: true });
    expect(Buffer.byteLength(deep.content!)).toBeLessThanOrEqual(64 * 1024);
    gives = async () => text(`€${'\u{1f4a9}'.repeat(20_000)}`);
    const wide = await before();
    expect(Buffer.byteLength(wide.content!)).toBeGreaterThan(64 * 1024 - 4);
    expect(wide.content).not.toContain('\ufffd');
    gives = async () =>
      answered({ isError: true, content: [{ type: 'text', text: 'no such page' }] });
    expect(await before()).toEqual({ reason: 'wiki_get answered with an error: no such page' });
    gives = async () =>
      answered({ content: [{ type: 'image', mimeType: 'image/png', data: 'AA' }] });
    expect(await before()).toEqual({ content: '[image, image/png: not shown]' });
    gives = async () =>
      answered({ resultType: 'input_required', inputRequests: {}, requestState: 'x' });
    expect(await before()).toEqual({
      reason: expect.stringContaining('nobody is there to answer'),
    });
    gives = async () => ({ outcome: 'unavailable', durationMs: 1 });
    expect((await before()).reason).toContain('cannot be reached');
  });
});
