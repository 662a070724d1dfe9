import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listed, startControl, type ControlService, type Loose } from './harness.js';
import { adminKey } from './journal.js';
import { accountsOf, makeCalls, post, someoneWaits } from './priced-calls.js';

let service: ControlService;
let workspace: SeededWorkspace;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  workspace = await service.seed();
});

const api = (method: string, path: string, body?: unknown, key = workspace.owner.apiKey) =>
  service.call(key, method, `/api/v1${path}`, body);
const tenant = { scope: { kind: 'tenant' }, period: 'month', limitMicros: 100_000_000 };
const make = async (body: Record<string, unknown> = {}) => {
  const made = await api('POST', '/budgets', { ...tenant, ...body });
  expect(made.status, made.text).toBe(201);
  return made.body as { id: string };
};
const read = async (id: string) => (await api('GET', `/budgets/${id}`)).body;

async function connect() {
  const { body } = await api('POST', '/connections', {
    slug: 'crm',
    kind: 'mcp-http',
    url: 'https://crm.example/mcp',
  });
  service.worker.answer = () => ({ status: 'ACTIVE', ms: 1, tools: [listed('find')] });
  await api('POST', `/connections/${body['id']}/test`);
  const [tool] = (await api('GET', '/tools')).body['items'];
  return { connection: body['id'] as string, tool: tool.id as string };
}

describe('a budget', () => {
  it('is made for each kind of scope, by id or name, and stored under the id', async () => {
    const { connection, tool } = await connect();
    const { groupId, member } = workspace;
    const scopes = [
      [{ kind: 'tenant' }, null, null],
      [{ kind: 'group', id: 'contractors' }, groupId, 'contractors'],
      [{ kind: 'group', id: groupId }, groupId, 'contractors'],
      [{ kind: 'user', id: member.memberId }, member.memberId, member.email],
      [{ kind: 'client', id: member.keyId }, member.keyId, "member's key"],
      [{ kind: 'client', id: 'https://chat.example/client' }, 'https://chat.example/client', null],
      [{ kind: 'connection', id: 'crm' }, connection, 'crm'],
      [{ kind: 'connection', id: connection }, connection, 'crm'],
      [{ kind: 'tool', id: 'crm_find' }, tool, 'crm_find'],
      [{ kind: 'tool', id: tool }, tool, 'crm_find'],
    ] as const;
    for (const [scope, id, name] of scopes) {
      const made = await make({ scope });
      expect(await read(made.id)).toMatchObject({ scope: { kind: scope.kind, id, name } });
    }
    const { items } = (await api('GET', '/budgets?limit=200')).body;
    expect(items).toHaveLength(scopes.length);
    for (const kind of ['group', 'user', 'client', 'connection', 'tool']) {
      const missing = { scope: { kind, id: 'key_0000000000000000000000' } };
      const refused = await api('POST', '/budgets', { ...tenant, ...missing });
      expect(refused.body, kind).toMatchObject({ status: 404, code: 'not_found' });
    }
  });

  it('says when what it counts the calls of is gone, and so counts nothing more', async () => {
    const { connection, tool } = await connect();
    const { tenantId, groupId, member, contractor } = workspace;
    const scopes = [
      { kind: 'tenant' },
      { kind: 'client', id: 'https://chat.example/client' },
      { kind: 'group', id: groupId },
      { kind: 'user', id: contractor.memberId },
      { kind: 'client', id: member.keyId },
      { kind: 'connection', id: connection },
      { kind: 'tool', id: tool },
    ];
    for (const scope of scopes) await make({ scope });
    const gone = async () =>
      ((await api('GET', '/budgets')).body['items'] as { scope: Loose }[]).flatMap(({ scope }) =>
        scope['isGone'] ? [scope['kind']] : [],
      );
    expect(await gone()).toEqual([]);
    await service.admin.withTenant(tenantId, async (tx) => {
      await tx.query('update member set removed_at = now() where id = $1', [contractor.memberId]);
      await tx.query('update tool set removed_at = now() where id = $1', [tool]);
      await tx.query("update api_key set expires_at = now() - interval '1 hour' where id = $1", [
        member.keyId,
      ]);
    });
    expect((await gone()).toSorted()).toEqual(['client', 'tool', 'user']);
    for (const path of [`/groups/${groupId}`, `/connections/${connection}`])
      expect((await api('DELETE', path)).status).toBe(204);
    expect((await gone()).toSorted()).toEqual(['client', 'connection', 'group', 'tool', 'user']);
  });

  it('says what it is, and is recorded when it is made, changed and deleted', async () => {
    const made = await api('POST', '/budgets', {
      ...tenant,
      name: 'All of us',
      thresholds: [90, 50, 90],
    });
    expect(made.body).toMatchObject({
      name: 'All of us',
      scope: { kind: 'tenant', id: null, name: null, isGone: false },
      period: 'month',
      currency: 'USD',
      limitMicros: 100_000_000,
      spentMicros: 0,
      heldMicros: 0,
      remainingMicros: 100_000_000,
      openingMicros: 0,
      thresholds: [50, 90],
      forecast: true,
      refusedAt: null,
      deletedAt: null,
    });
    const { id, periodStart, periodEnd } = made.body;
    const now = new Date();
    const firstOf = (month: number) =>
      new Date(Date.UTC(now.getUTCFullYear(), month)).toISOString();
    expect([periodStart, periodEnd]).toEqual([
      firstOf(now.getUTCMonth()),
      firstOf(now.getUTCMonth() + 1),
    ]);
    const patch = { name: null, thresholds: [], forecast: false, limitMicros: 5 };
    expect((await api('PATCH', `/budgets/${id}`, patch)).body).toMatchObject(patch);
    expect((await api('DELETE', `/budgets/${id}`)).status).toBe(204);
    for (const [method, body] of [
      ['PATCH', patch],
      ['DELETE', undefined],
    ] as const)
      expect((await api(method, `/budgets/${id}`, body)).status).toBe(404);
    expect((await api('GET', '/budgets')).body['items']).toEqual([]);
    const actor = workspace.owner.email;
    expect(await service.changes(workspace.tenantId)).toMatchObject([
      {
        action: 'budget.create',
        budgetId: id,
        scope: { kind: 'tenant' },
        limitMicros: 100_000_000,
        actor,
      },
      {
        action: 'budget.update',
        budgetId: id,
        limitMicros: 5,
        formerLimitMicros: 100_000_000,
        actor,
      },
      { action: 'budget.delete', budgetId: id, limitMicros: 5, actor },
    ]);
  });

  it('that does not fit its schema is refused', async () => {
    const broken = [
      { scope: { kind: 'tenant', id: 'x' } },
      { scope: { kind: 'group' } },
      { scope: { kind: 'world' } },
      { scope: { kind: 'client', id: 'x'.repeat(2_049) } },
      { period: 'year' },
      { limitMicros: -1 },
      { limitMicros: 0.5 },
      { limitMicros: 2 ** 53 },
      { thresholds: [0] },
      { thresholds: [101] },
      { spentMicros: 1 },
    ];
    for (const body of broken)
      expect(
        (await api('POST', '/budgets', { ...tenant, ...body })).body,
        Object.keys(body)[0]!,
      ).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('is one of 200 at most', async () => {
    await service.admin.pool.query(
      `insert into budget (tenant_id, id, scope_kind, period, limit_micros)
       select $1, 'bud_' || n, 'tenant', 'day', 1 from generate_series(1, 199) n`,
      [workspace.tenantId],
    );
    const answers = await Promise.all([1, 2, 3].map(() => api('POST', '/budgets', tenant)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });
});

describe('what is spent', () => {
  it('is shown as calls reserve and settle, and a limit holds at once', async () => {
    const { id } = await make({ limitMicros: 1_000 });
    const call = { budgets: [id] };
    await makeCalls(service, workspace, [
      { ...call, id: 'call_1', reserved: 400, cost: 300 },
      { ...call, id: 'call_2', reserved: 500 },
    ]);
    const amounts = { limitMicros: 1_000, spentMicros: 300, heldMicros: 500, remainingMicros: 200 };
    expect(await read(id)).toMatchObject(amounts);
    const next = { ...call, id: 'call_3', reserved: 201, cost: 201 };
    expect(await makeCalls(service, workspace, [next])).toEqual(['call_3']);
    expect((await read(id))['refusedAt']).not.toBeNull();
    await api('PATCH', `/budgets/${id}`, { limitMicros: 1_001 });
    expect(await makeCalls(service, workspace, [next])).toEqual([]);
    const lowered = await api('PATCH', `/budgets/${id}`, { limitMicros: 100 });
    expect(lowered.body).toMatchObject({ spentMicros: 501, heldMicros: 500, remainingMicros: 0 });
    expect(await makeCalls(service, workspace, [{ ...next, id: 'call_4', reserved: 1 }])).toEqual([
      'call_4',
    ]);
  });

  it('is projected to the period’s end once enough of it is over', async () => {
    const [day, month] = [await make({ period: 'day' }), await make()];
    const budgets = [day.id, month.id];
    await makeCalls(service, workspace, [{ id: 'call_1', reserved: 500, cost: 500, budgets }]);
    for (const { id } of [day, month]) {
      const { periodStart, periodEnd, forecastMicros } = await read(id);
      const [start, end, now] = [Date.parse(periodStart), Date.parse(periodEnd), Date.now()];
      const isEarly = now - start < Math.max((end - start) / 10, 43_200_000);
      // Read a moment apart.
      const expected = (500 * (end - start)) / (now - start);
      if (isEarly) expect(forecastMicros).toBeNull();
      else expect(Math.abs(forecastMicros - expected)).toBeLessThan(2);
    }
  });

  it('can be read however much was charged before it was made', async () => {
    const { id } = await make();
    await service.admin.pool.query(
      'update budget_account set opening_micros = 1e17, spent_micros = 1e17 where budget_id = $1',
      [id],
    );
    const most = Number.MAX_SAFE_INTEGER;
    expect(await read(id)).toMatchObject({ openingMicros: most, spentMicros: most });
    const { status, body } = await api('GET', `/budgets/${id}/history`);
    expect([status, body['items']]).toMatchObject([200, [{ spentMicros: most }]]);
    expect((await api('GET', '/budgets')).status).toBe(200);
  });

  it('of 30 days leaves out what is older, also when nothing has been called since', async () => {
    const { id } = await make({ period: 'rolling-30d', limitMicros: 1_000 });
    const budgets = [id];
    await makeCalls(service, workspace, [
      { id: 'call_1', reserved: 300, cost: 300, budgets },
      { id: 'call_2', reserved: 20, cost: 20, budgets },
    ]);
    const older = (hours: number, micros: number) =>
      service.admin.pool.query(
        `with moved as (update budget_hour set spent_micros = spent_micros - $3
                         where account_id = $1 and hour = first_rolling_hour() + 720 returning tenant_id, account_id)
         insert into budget_hour select tenant_id, account_id, first_rolling_hour() + 720 - $2, $3 from moved`,
        [accounts[0], hours, micros],
      );
    const accounts = await accountsOf(service, workspace, budgets);
    await older(720, 100);
    expect(await read(id)).toMatchObject({
      spentMicros: 320,
      periodEnd: null,
      forecastMicros: null,
    });
    await older(721, 200);
    expect(await read(id)).toMatchObject({ spentMicros: 120, remainingMicros: 880 });
    const { items } = (await api('GET', `/budgets/${id}/history`)).body;
    expect(items).toMatchObject([{ spentMicros: 120, end: null }]);
    // The next tick takes it out for good.
    await makeCalls(service, workspace, [{ id: 'call_3', reserved: 881, budgets }]);
    expect(await makeCalls(service, workspace, [{ id: 'call_4', reserved: 880, budgets }])).toEqual(
      [],
    );
    expect(await read(id)).toMatchObject({ spentMicros: 120, heldMicros: 880 });
  });
});

describe('what was charged before a budget was made', () => {
  it('is its opening, of its scope and its period only', async () => {
    const { connection, tool } = await connect();
    const { member, contractor, groupId } = workspace;
    const lastYear = new Date(Date.now() - 370 * 86_400_000);
    await makeCalls(service, workspace, [
      { id: 'call_1', reserved: 1, cost: 1, at: lastYear },
      { id: 'call_2', reserved: 10, cost: 7, client: 'cursor' },
      { id: 'call_3', reserved: 20, cost: 20, by: contractor },
      { id: 'call_4', reserved: 100, cost: 100, connection: 'erp', tool: 'erp_find' },
      { id: 'call_5', reserved: 3_000 },
    ]);
    await post(service);
    const opening = async (scope: object, period = 'month') =>
      (await api('POST', '/budgets', { scope, period, limitMicros: 1_000 })).body;
    const expected = [
      [{ kind: 'tenant' }, 127],
      [{ kind: 'group', id: groupId }, 20],
      [{ kind: 'user', id: member.memberId }, 107],
      [{ kind: 'client', id: 'cursor' }, 7],
      [{ kind: 'connection', id: connection }, 27],
      [{ kind: 'tool', id: tool }, 27],
    ] as const;
    const isOpening = (micros: number) => ({
      openingMicros: micros,
      spentMicros: micros,
      heldMicros: 0,
    });
    for (const [scope, micros] of expected)
      expect(await opening(scope), scope.kind).toMatchObject(isOpening(micros));
    for (const period of ['day', 'week', 'rolling-30d'])
      expect(await opening({ kind: 'tenant' }, period), period).toMatchObject(isOpening(127));
  });

  it('counts against the limit, and leaves a rolling window hour by hour', async () => {
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    await makeCalls(service, workspace, [
      { id: 'call_1', reserved: 5, cost: 5, at: hoursAgo(722) },
      { id: 'call_2', reserved: 50, cost: 50, at: hoursAgo(719) },
      { id: 'call_3', reserved: 500, cost: 500, at: hoursAgo(1) },
    ]);
    await post(service);
    const { id } = await make({ period: 'rolling-30d', limitMicros: 600 });
    expect(await read(id)).toMatchObject({ openingMicros: 550, spentMicros: 550 });
    const call = { id: 'call_4', reserved: 100, budgets: [id] };
    expect(await makeCalls(service, workspace, [call])).toEqual(['call_4']);
    await service.admin.pool.query('update budget_hour set hour = hour - 3 where tenant_id = $1', [
      workspace.tenantId,
    ]);
    expect(await read(id)).toMatchObject({ spentMicros: 500 });
    expect(await makeCalls(service, workspace, [call])).toEqual([]);
  });

  it('is nothing in a period that begins later', async () => {
    await makeCalls(service, workspace, [{ id: 'call_1', reserved: 9, cost: 9 }]);
    await post(service);
    const { id } = await make({ period: 'day' });
    const opening = async (days: number) =>
      (
        await service.admin.pool.query(
          "select budget_opening($1, $2, budget_period_index('day', now(), 'UTC') + $3)::int as n",
          [workspace.tenantId, id, days],
        )
      ).rows[0].n as number;
    expect([await opening(0), await opening(1)]).toEqual([9, 0]);
  });
});

it('an account that a tick is just making gets the limit that is just set', async () => {
  const { id } = await make({ period: 'day', limitMicros: 1_000 });
  const { pool } = service.admin;
  const [account] = await accountsOf(service, workspace, [id]);
  await pool.query('delete from budget_account where tenant_id = $1', [workspace.tenantId]);
  const tick = await pool.connect();
  try {
    await tick.query('begin');
    await tick.query('select ensure_budget_accounts($1, $2)', [[workspace.tenantId], [account]]);
    const change = api('PATCH', `/budgets/${id}`, { limitMicros: 10 });
    await someoneWaits(service.databaseUrlFor('conducktor_app'));
    await tick.query('commit');
    expect((await change).status).toBe(200);
  } finally {
    // Closed, with what it holds.
    tick.release(true);
  }
  const call = { id: 'call_1', reserved: 11, budgets: [id] };
  expect(await makeCalls(service, workspace, [call])).toEqual(['call_1']);
});

describe('the history of a budget', () => {
  it('has its periods with what was spent, who set its limit, and outlives it', async () => {
    const { id } = await make({ period: 'day', limitMicros: 1_000 });
    await makeCalls(service, workspace, [{ id: 'call_1', reserved: 70, cost: 70, budgets: [id] }]);
    await service.admin.pool.query(
      `insert into budget_account (tenant_id, id, budget_id, limit_micros, spent_micros, refused_at)
       select tenant_id, id - 1, budget_id, limit_micros, 999, now() from budget_account where tenant_id = $1`,
      [workspace.tenantId],
    );
    await api('PATCH', `/budgets/${id}`, { limitMicros: 2_000 });
    await api('PATCH', `/budgets/${id}`, { name: 'Days' });
    await api('DELETE', `/budgets/${id}`);
    const { items, nextCursor, changes } = (await api('GET', `/budgets/${id}/history`)).body;
    const midnight = new Date(new Date().setUTCHours(0, 0, 0, 0));
    const before = new Date(midnight.getTime() - 86_400_000);
    expect(items).toMatchObject([
      { start: midnight.toISOString(), limitMicros: 2_000, spentMicros: 70, refusedAt: null },
      {
        start: before.toISOString(),
        end: midnight.toISOString(),
        limitMicros: 1_000,
        spentMicros: 999,
      },
    ]);
    expect(nextCursor).toBeNull();
    const { memberId, email: actor } = workspace.owner;
    expect(changes).toMatchObject([
      { memberId, actor, fromMicros: 2_000, toMicros: null },
      { memberId, actor, fromMicros: 1_000, toMicros: 2_000 },
      { memberId, actor, fromMicros: null, toMicros: 1_000 },
    ]);
    const first = (await api('GET', `/budgets/${id}/history?limit=1`)).body;
    const second = await api('GET', `/budgets/${id}/history?limit=1&cursor=${first['nextCursor']}`);
    expect([...first['items'], ...second.body['items']]).toEqual(items);
    expect((await read(id))['deletedAt']).not.toBeNull();
  });
});

it('members see the budgets that count their calls alone; auditors see all and change none', async () => {
  const { member, contractor } = workspace;
  const own = [
    await make({ scope: { kind: 'user', id: member.memberId } }),
    await make({ scope: { kind: 'client', id: member.keyId } }),
  ];
  const others = [
    await make(),
    await make({ scope: { kind: 'group', id: 'contractors' } }),
    await make({ scope: { kind: 'user', id: contractor.memberId } }),
    await make({ scope: { kind: 'client', id: contractor.keyId } }),
  ];
  const key = await adminKey(service, workspace, member);
  const seen = await api('GET', '/budgets', undefined, key);
  expect(seen.body['items'].map(({ id }: { id: string }) => id).sort()).toEqual(
    own.map(({ id }) => id).sort(),
  );
  for (const { id } of others)
    for (const path of [`/budgets/${id}`, `/budgets/${id}/history`])
      expect((await api('GET', path, undefined, key)).status).toBe(404);
  await service.admin.pool.query("update member set roles = '{auditor}' where id = $1", [
    member.memberId,
  ]);
  expect((await api('GET', '/budgets', undefined, key)).body['items']).toHaveLength(6);
  expect((await api('POST', '/budgets', tenant, key)).status).toBe(403);
  expect((await api('PATCH', `/budgets/${own[0]!.id}`, { limitMicros: 1 }, key)).status).toBe(403);
});
