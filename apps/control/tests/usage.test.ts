import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type ControlService, type Loose } from './harness.js';
import { adminKey, journal } from './journal.js';

let service: ControlService;
let workspace: SeededWorkspace;

beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
  const late = '2026-03-01T23:30:00.000Z';
  const early = '2026-03-02T00:15:00.000Z';
  const { contractor } = workspace;
  await journal(service, workspace, [
    { id: '1', at: late, outcome: 'ok', durationMs: 10, costMicros: 100 },
    { id: '2', at: late, outcome: 'error', durationMs: 30, costMicros: 100 },
    { id: '3', at: early, outcome: 'ok', durationMs: 20, costMicros: 50, by: contractor },
    {
      id: '4',
      at: early,
      outcome: 'timeout',
      durationMs: 1_000,
      connection: 'wiki',
      tool: 'wiki_read',
    },
    {
      id: '5',
      at: early,
      outcome: 'cancelled',
      durationMs: 5,
      connection: 'wiki',
      tool: 'wiki_read',
    },
    { id: '6', at: early, connection: 'wiki', tool: 'wiki_read', client: 'cursor' },
    { id: '7', at: early, denied: 'policy_denied', by: contractor },
    { id: '8', at: early, denied: 'policy_denied', by: contractor, repeated: 12 },
  ]);
});
afterAll(() => service.stop());

/** Within the relative error that figures of duration have. */
const near = (ms: number): unknown => ({
  asymmetricMatch: (value: number) => Math.abs(value - ms) <= 0.05 * ms,
  toString: () => `near ${ms}`,
});
const SPAN = 'since=2026-03-01T00:00:00Z&until=2026-03-03T00:00:00Z';
const usage = async (query: string, key = workspace.owner.apiKey) => {
  const { status, body } = await service.call(key, 'GET', `/api/v1/usage?${SPAN}&${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as { items: Loose[]; totals: Loose; zone: string };
};

describe('usage', () => {
  it('by connection and day is what the calls were, with totals', async () => {
    const report = await usage('groupBy=connection,day');
    expect(report.items).toEqual([
      {
        connection: 'crm',
        day: '2026-03-01',
        calls: 2,
        errors: 1,
        denied: 0,
        costMicros: 200,
        heldMicros: 0,
        p50Ms: near(10),
        p95Ms: near(30),
      },
      {
        connection: 'crm',
        day: '2026-03-02',
        calls: 1,
        errors: 0,
        denied: 13,
        costMicros: 50,
        heldMicros: 0,
        p50Ms: near(20),
        p95Ms: near(20),
      },
      {
        connection: 'wiki',
        day: '2026-03-02',
        calls: 3,
        errors: 1,
        denied: 0,
        costMicros: 0,
        heldMicros: 0,
        p50Ms: near(5),
        p95Ms: near(1_000),
      },
    ]);
    expect(report.totals).toMatchObject({
      calls: 6,
      errors: 2,
      denied: 13,
      costMicros: 250,
      p50Ms: near(20),
    });
  });

  it('has the days of the zone that is asked for', async () => {
    const days = async (zone: string) =>
      (await usage(`groupBy=day&zone=${zone}`)).items.map(({ day, calls }) => [day, calls]);
    expect(await days('UTC')).toEqual([
      ['2026-03-01', 2],
      ['2026-03-02', 4],
    ]);
    expect(await days('Europe/Berlin')).toEqual([['2026-03-02', 6]]);
    expect((await usage('groupBy=hour&zone=Asia/Kolkata')).items.map(({ hour }) => hour)).toEqual([
      '2026-03-02T05:00',
    ]);
  });

  it('by person, client, tool and group', async () => {
    const { member, contractor } = workspace;
    const people = (await usage('groupBy=member')).items;
    expect(people.find((row) => row.member.id === member.memberId)).toMatchObject({
      member: { actor: member.email },
      calls: 5,
    });
    expect(people.find((row) => row.member.id === contractor.memberId)).toMatchObject({
      calls: 1,
      denied: 13,
    });
    expect(
      (await usage('groupBy=client')).items.map(({ client, calls }) => [client, calls]),
    ).toEqual([
      ['chatgpt', 5],
      ['cursor', 1],
    ]);
    const groups = await usage('groupBy=group,tool');
    expect(groups.items.map(({ group, tool, calls }) => [group, tool, calls])).toEqual([
      ['contractors', 'crm_find', 1],
      [null, 'crm_find', 2],
      [null, 'wiki_read', 3],
    ]);
    expect(groups.totals).toMatchObject({ calls: 6, denied: 13 });
    expect((await usage('groupBy=tool&connection=wiki')).totals).toMatchObject({ calls: 3 });
  });

  it('agrees with the journal’s own rows', async () => {
    const { rows } = await service.admin.pool.query(
      `select (select count(*) from call where tenant_id = $1 and admitted)::int as calls,
              (select sum(cost_micros) from outcome where tenant_id = $1)::int as cost`,
      [workspace.tenantId],
    );
    const { totals } = await usage('groupBy=hour');
    expect({ calls: totals.calls, cost: totals.costMicros }).toEqual(rows[0]);
  });

  it('of a member is their own; billing sees all', async () => {
    const { contractor } = workspace;
    const key = await adminKey(service, workspace, contractor);
    expect((await usage('groupBy=connection', key)).totals).toMatchObject({ calls: 1, denied: 13 });
    const other = await service.call(
      key,
      'GET',
      `/api/v1/usage?member=${workspace.member.memberId}`,
    );
    expect(other.status).toBe(403);
    await service.admin.pool.query("update member set roles = '{billing}' where id = $1", [
      contractor.memberId,
    ]);
    expect((await usage('groupBy=connection', key)).totals).toMatchObject({ calls: 6 });
    const stranger = (await service.seed()).owner.apiKey;
    expect((await usage('groupBy=connection', stranger)).totals).toMatchObject({
      calls: 0,
      denied: 0,
    });
  });

  it('of a workspace without calls is nothing, and of the last 30 days by default', async () => {
    const { apiKey } = (await service.seed()).owner;
    const { body } = await service.call(apiKey, 'GET', '/api/v1/usage');
    expect(body).toMatchObject({ items: [], totals: { calls: 0, p50Ms: null }, zone: 'UTC' });
    expect(Date.parse(body['until']) - Date.parse(body['since'])).toBeGreaterThanOrEqual(
      30 * 86_400_000,
    );
  });

  it.each([
    'groupBy=color',
    'groupBy=day,day',
    'groupBy=',
    'zone=Mars/Base',
    'zone=%2B02:00',
    'since=2024-01-01T00:00:00Z&until=2026-01-01T00:00:00Z',
    'since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z',
  ])('refuses %s', async (query) => {
    const answer = await service.call(workspace.owner.apiKey, 'GET', `/api/v1/usage?${query}`);
    expect(answer.status).toBe(400);
  });
});
