// Limits of people, clients, connections and tools, from the database to the refusal and its record, on two gateways.
import { newId } from '@conducktor/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Governed } from '../open-governed.js';
import { answered, startGovernedStack, type GovernedStack } from './support/governed-stack.js';

/** CONTRACT says 1 s; a busy machine takes its time for the calls by which it is seen. */
const WITHIN_MS = 3_000;

let stack: GovernedStack;
let gateways: [Governed, Governed];
let docs: string;

beforeAll(async () => {
  stack = await startGovernedStack();
  gateways = [stack.governed, await stack.openGateway()];
  for (const slug of ['docs', 'mail']) {
    const id = await stack.connect(slug, {}, () => answered({ content: [] }));
    for (const name of ['read', 'find']) await stack.addTool(id, slug, name);
    if (slug === 'docs') docs = id;
  }
});
beforeEach(async () => {
  await sql('delete from rate_limit');
  await passesOnBoth(stack.people.owner);
});
afterAll(() => stack.stop());

const sql = (text: string, values: unknown[] = []) =>
  stack.admin.withTenant(stack.people.tenantId, (tx) => tx.query(text, values));

const ADD = `insert into rate_limit (tenant_id, id, kind, subject_id, allowances)
             values ($1, $2, $3, $4, $5)`;
/** So many calls a day. Answers with the id of the limit. */
async function limit(kind: string, subjectId: string, calls: number): Promise<string> {
  const id = newId('lim');
  await sql(ADD, [stack.people.tenantId, id, kind, subjectId, allowing(calls)]);
  return id;
}
const allowing = (calls: number, seconds = 86_400) => JSON.stringify([{ limit: calls, seconds }]);

let calls = 0;
/** By turns on either gateway. `ok`, or the limit that refuses it. */
async function call(name: string, by: { apiKey: string }): Promise<unknown> {
  const answer = await gateways[calls++ % 2]!.mcp.callTool({
    context: stack.context(by),
    name,
    argumentsValue: {},
    signal: new AbortController().signal,
  });
  if (answer.kind !== 'result') throw new Error(JSON.stringify(answer));
  const meta = answer.result['_meta'] as Record<string, unknown>;
  if (!answer.result['isError']) return 'ok';
  expect(meta['conducktor/code']).toBe('rate_limited');
  return meta['conducktor/limit'];
}
async function inTurn(count: number, name: string, by: { apiKey: string }): Promise<unknown[]> {
  const ends: unknown[] = [];
  for (let n = 0; n < count; n++) ends.push(await call(name, by));
  return ends;
}

/** What is admitted was decided by the newest version of the workspace: then both know it. */
const passesOnBoth = (by: { apiKey: string }) =>
  expect
    .poll(() => inTurn(2, 'docs_read', by), { timeout: WITHIN_MS, interval: 20 })
    .toEqual(['ok', 'ok']);

describe('a limit', () => {
  test('of every person counts each for themselves on all gateways, and one of their own stands instead', async () => {
    const { member, contractor, owner } = stack.people;
    const each = { kind: 'member', id: await limit('member', '', 3) };
    const own = { kind: 'member', id: await limit('member', contractor.memberId, 5) };
    expect(await inTurn(5, 'docs_read', member)).toEqual(['ok', 'ok', 'ok', each, each]);
    expect(await inTurn(3, 'mail_find', owner)).toEqual(['ok', 'ok', 'ok']);
    expect(await inTurn(6, 'docs_read', contractor)).toEqual([...Array(5).fill('ok'), own]);
  });

  test('of a client, a connection and a tool counts the calls by it and of it, and no others', async () => {
    const { member, contractor } = stack.people;
    const key = { kind: 'client', id: await limit('client', member.keyId, 4) };
    const connection = { kind: 'connection', id: await limit('connection', docs, 5) };
    const { rows } = await sql("select id from tool where shown_name = 'docs_find'");
    const tool = { kind: 'tool', id: await limit('tool', rows[0]!['id'] as string, 1) };
    expect(await inTurn(2, 'docs_find', member)).toEqual(['ok', tool]);
    expect(await inTurn(4, 'docs_read', member)).toEqual(['ok', 'ok', 'ok', key]);
    // What was refused by the key and the tool has used up nothing of the connection.
    expect(await inTurn(2, 'docs_read', contractor)).toEqual(['ok', connection]);
    expect(await inTurn(2, 'mail_read', contractor)).toEqual(['ok', 'ok']);
  });

  test('is named in the record of the refusal, whose sentence says only how long to wait', async () => {
    const { member } = stack.people;
    const id = await limit('tool', '', 1);
    await call('mail_read', member);
    const answer = await stack.call('mail_read', {}, member);
    expect(answer).toMatchObject({
      kind: 'result',
      retryAfterMs: expect.any(Number),
      result: {
        content: [{ text: expect.stringMatching(/^Too many requests\. Try again in \d+ s\.$/) }],
        _meta: { 'conducktor/limit': { kind: 'tool', id } },
      },
    });
    expect(await stack.records()).toContainEqual(
      expect.objectContaining({
        decision: 'deny',
        code: 'rate_limited',
        tool: 'mail_read',
        memberId: member.memberId,
        limit: { kind: 'tool', id },
      }),
    );
  });

  test('that is changed or removed is so within a second', async () => {
    const { member } = stack.people;
    const id = await limit('member', member.memberId, 1);
    const refused = { kind: 'member', id };
    expect(await inTurn(3, 'docs_read', member)).toEqual(['ok', refused, refused]);
    await sql('update rate_limit set allowances = $1', [allowing(1_000, 3_600)]);
    await passesOnBoth(member);
    await sql('update rate_limit set allowances = $1', [allowing(1, 7_200)]);
    expect(await inTurn(2, 'docs_read', member)).toEqual(['ok', refused]);
    await sql('delete from rate_limit');
    await passesOnBoth(member);
  });

  test('counts no lists and reads, and the workspace’s own is named like any other', async () => {
    const { owner } = stack.people;
    await limit('member', '', 1);
    await limit('connection', '', 1);
    for (let n = 0; n < 5; n++) {
      const list = await stack.request('prompts/list', {}, owner);
      expect(list.kind).toBe('result');
    }
    expect(await call('docs_read', owner)).toBe('ok');
    await sql("update tenant set limit_profile = 'burst' where id = $1", [stack.people.tenantId]);
    const ends = await Promise.all(
      Array.from({ length: 40 }, () => call('mail_read', stack.people.member)),
    );
    expect(ends.filter((end) => end === 'ok')).toEqual(['ok']);
    const { rows } = await sql('delete from rate_limit returning id');
    expect(rows).toHaveLength(2);
    await expect
      .poll(() => inTurn(60, 'mail_read', stack.people.contractor), { timeout: 5_000 })
      .toContainEqual({ kind: 'workspace' });
    const records = await stack.records();
    expect(records.map(({ limit: by }) => by)).toContainEqual({ kind: 'workspace' });
  });
});
