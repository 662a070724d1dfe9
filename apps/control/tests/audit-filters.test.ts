import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type ControlService, type Loose } from './harness.js';
import { adminKey, journal } from './journal.js';

let service: ControlService;
let workspace: SeededWorkspace;

beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
  await journal(service, workspace, [
    { id: 'a', outcome: 'ok', connection: 'crm', client: 'cursor' },
    { id: 'b', outcome: 'timeout', connection: 'wiki', tool: 'wiki_read' },
    { id: 'c', denied: 'policy_denied', by: workspace.contractor },
    { id: 'd', denied: 'rate_limited', client: 'cursor' },
    { id: 'e', connection: 'wiki', tool: 'wiki_read', at: '2020-03-01T12:00:00.000Z' },
    { id: 'f', outcome: 'ok', by: workspace.contractor },
  ]);
});
afterAll(() => service.stop());

const list = async (query: string, key = workspace.owner.apiKey) => {
  const { status, body } = await service.call(key, 'GET', `/api/v1/audit/events?${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as { items: Loose[]; nextCursor: string | null };
};
const ids = async (query: string) => (await list(query)).items.map(({ callId }) => callId);

describe('events', () => {
  it.each([
    ['connection=wiki', ['e', 'b']],
    ['connection=wiki&outcome=timeout', ['b']],
    ['client=cursor', ['d', 'a']],
    ['decision=deny', ['d', 'c']],
    ['outcome=denied', ['d', 'c']],
    ['code=policy_denied', ['c']],
    ['kind=denial&code=nothing', []],
    ['kind=call&client=cursor', ['a']],
    ['outcome=ok', ['f', 'a']],
    ['order=asc&outcome=ok', ['a', 'f']],
    ['since=2020-03-01T00:00:00Z&until=2020-03-02T00:00:00Z', ['e']],
    ['until=2020-03-02T00:00:00Z', ['e']],
    ['order=asc&tool=wiki_read', ['b', 'e']],
  ])('are found by %s', async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  it.each(['0000-01-01T00:00:00Z', '2026-11-23T10:30:00+23:00', '9999-12-31T23:00:00-02:00'])(
    'are not looked for at %s, which no database knows',
    async (instant) => {
      for (const path of ['audit/events?until', 'usage?since']) {
        const { apiKey } = workspace.owner;
        const query = `/api/v1/${path}=${encodeURIComponent(instant)}`;
        expect((await service.call(apiKey, 'GET', query)).status, path).toBe(400);
      }
    },
  );

  it('of a code that very many calls ended with are found however old they are', async () => {
    const busy = await service.seed();
    await service.admin.pool.query(
      `insert into audit_event (tenant_id, seq, id, kind, at, call_id, code, outcome, detail)
       select $1, s * 2 + n, 'evt_' || to_hex(s * 2 + n) || 'x', case n when 0 then 'call' else 'outcome' end, now(),
              'c' || s, case n when 1 then 'upstream_error' end, case n when 1 then 'error' end, '{}'
         from generate_series(1, 10001) s, generate_series(0, 1) n`,
      [busy.tenantId],
    );
    for (const [order, first] of [
      ['asc', 'c1'],
      ['desc', 'c10001'],
    ]) {
      const query = `code=upstream_error&limit=1&order=${order}`;
      expect((await list(query, busy.owner.apiKey)).items).toMatchObject([{ callId: first }]);
    }
  });

  it('are found by the address of a person, in any case, and by their id', async () => {
    const { email, memberId } = workspace.contractor;
    expect(await ids(`actor=${encodeURIComponent(email.toUpperCase())}`)).toEqual(['f', 'c']);
    expect(await ids(`actor=${memberId}`)).toEqual(['f', 'c']);
  });

  it('come page by page in both directions, whatever is sealed meanwhile', async () => {
    for (const order of ['asc', 'desc']) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page: { items: Loose[]; nextCursor: string | null } = await list(
          `order=${order}&kind=call&limit=1${cursor ? `&cursor=${cursor}` : ''}`,
        );
        seen.push(...page.items.map(({ callId }) => callId));
        cursor = page.nextCursor;
        if (order === 'desc' && seen.length === 2)
          await journal(service, workspace, [{ id: 'later', outcome: 'ok' }]);
      } while (cursor);
      expect(seen).toEqual(order === 'asc' ? ['a', 'b', 'e', 'f'] : ['f', 'e', 'b', 'a']);
    }
  });

  it('are read one by one, also those whose ids are from before ids held their place', async () => {
    const [first] = (await list('callId=a')).items;
    expect(first.id).toMatch(/^evt_[0-9a-f]+x[0-9a-f]{24}$/);
    const one = (id: string, key = workspace.owner.apiKey) =>
      service.call(key, 'GET', `/api/v1/audit/events/${id}`);
    expect((await one(first.id)).body).toEqual(first);
    const old = `evt_${'0123456789abcdef'.repeat(2)}`;
    await service.admin.pool.query(
      'update audit_event set id = $2 where tenant_id = $1 and call_id = $3',
      [workspace.tenantId, old, 'd'],
    );
    expect((await one(old)).body).toMatchObject({ id: old, callId: 'd' });
    // The place alone is not enough.
    const another = first.id.replace(/.$/, (last: string) => (last === '0' ? '1' : '0'));
    expect((await one(another)).status).toBe(404);
    expect((await one(first.id, (await service.seed()).owner.apiKey)).status).toBe(404);
  });

  it('are nobody’s to see but an owner’s, admin’s and auditor’s', async () => {
    const key = await adminKey(service, workspace, workspace.member);
    for (const path of ['events', `events/${(await list('callId=a')).items[0].id}`, 'export'])
      expect((await service.call(key, 'GET', `/api/v1/audit/${path}`)).status, path).toBe(403);
    await service.admin.pool.query("update member set roles = '{auditor}' where id = $1", [
      workspace.member.memberId,
    ]);
    expect((await list('callId=a', key)).items).toHaveLength(1);
  });
});
