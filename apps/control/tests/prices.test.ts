import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listed, startControl, type ControlService, type Loose } from './harness.js';
import { keyOfRole } from './journal.js';
import { accountsOf, makeCalls, post } from './priced-calls.js';

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
const keyOf = (role: string) => keyOfRole(service, workspace, role);
const connect = async () => {
  const { body } = await api('POST', '/connections', {
    slug: 'crm',
    kind: 'mcp-http',
    url: 'https://crm.example/mcp',
  });
  const tools = [listed('find'), listed('send')];
  service.worker.answer = () => ({ status: 'ACTIVE', ms: 1, tools });
  await api('POST', `/connections/${body['id']}/test`);
};
const flat = (micros: number) => ({ kind: 'flat', micros });
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

describe('a price list', () => {
  it('is made, changed, removed, and recorded; gateways are told', async () => {
    const version = async () =>
      (
        await service.admin.pool.query(
          'select version::int as n from tenant_version where tenant_id = $1',
          [workspace.tenantId],
        )
      ).rows[0].n as number;
    const before = await version();
    const prices = [{ tools: ['crm_*'], cost: flat(10_000) }];
    const made = await api(
      'POST',
      '/price-lists',
      { name: '2026', prices },
      await keyOf('billing'),
    );
    expect(made.status, made.text).toBe(201);
    expect(made.body).toMatchObject({ name: '2026', validUntil: null, prices });
    expect(await version()).toBeGreaterThan(before);
    const path = `/price-lists/${made.body['id']}`;
    expect((await api('GET', path)).body).toEqual(made.body);
    expect((await api('GET', '/price-lists')).body['items']).toEqual([made.body]);
    const twice = await api('POST', '/price-lists', { name: '2026', prices });
    expect(twice.body).toMatchObject({ status: 409, code: 'conflict' });
    const validUntil = inDays(30);
    expect((await api('PATCH', path, { validUntil })).body).toEqual({ ...made.body, validUntil });
    const late = await api('PATCH', path, { validFrom: inDays(31) });
    expect(late.body).toMatchObject({ status: 400, code: 'invalid_request' });
    expect((await api('DELETE', path)).status).toBe(204);
    expect((await api('GET', path)).status).toBe(404);
    const { email: actor } = workspace.member;
    const changes = await service.changes(workspace.tenantId);
    expect(changes.filter(({ action }) => action.startsWith('price-list'))).toMatchObject([
      { action: 'price-list.create', priceListId: made.body['id'], prices, actor },
      { action: 'price-list.update', validUntil },
      { action: 'price-list.delete', name: '2026' },
    ]);
  });

  it('prices tools that have no cost of their own; of two that hold, the one that began last counts', async () => {
    await connect();
    const list = async (name: string, body: Record<string, unknown>) =>
      (await api('POST', '/price-lists', { name, ...body })).body as { id: string };
    const costs = async () => {
      const { items } = (await api('GET', '/tools')).body;
      return Object.fromEntries(
        items.map(({ name, effectiveCost: { cost, priceList } }: Loose) => [
          name,
          [cost.micros ?? 0, priceList?.name ?? null],
        ]),
      );
    };
    expect(await costs()).toEqual({ crm_find: [0, null], crm_send: [0, null] });
    await list('old', { validFrom: inDays(-20), prices: [{ tools: ['*'], cost: flat(1) }] });
    const prices = [
      { tools: ['crm_f*'], cost: flat(2) },
      { tools: ['crm_find'], cost: flat(3) },
    ];
    const newer = await list('newer', { validFrom: inDays(-10), prices });
    await list('over', {
      validFrom: inDays(-5),
      validUntil: inDays(-1),
      prices: [{ tools: ['*'], cost: flat(4) }],
    });
    await list('later', { validFrom: inDays(1), prices: [{ tools: ['*'], cost: flat(5) }] });
    expect(await costs()).toEqual({ crm_find: [2, 'newer'], crm_send: [1, 'old'] });
    await api('PUT', '/tools/crm_find/cost', flat(9));
    expect(await costs()).toEqual({ crm_find: [9, null], crm_send: [1, 'old'] });
    const asListed = await api('DELETE', '/tools/crm_find/cost');
    expect(asListed.body).toMatchObject({
      cost: { kind: 'free' },
      effectiveCost: { cost: flat(2), priceList: { id: newer.id, name: 'newer' } },
    });
  });

  it('with an expression that does not compile is refused, with where and why', async () => {
    await connect();
    const broken = { kind: 'cel', micros: 'args.amount *' };
    const listBody = {
      name: 'x',
      prices: [
        { tools: ['*'], cost: flat(1) },
        { tools: ['*'], cost: broken },
      ],
    };
    const refused = await api('POST', '/price-lists', listBody);
    expect(refused.body).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ field: 'prices[1].cost.micros' }],
    });
    for (const micros of ['args.amount *', 'args.amount > 5', 'sum(args)', '"text"']) {
      const { body } = await api('PUT', '/tools/crm_find/cost', { kind: 'cel', micros });
      expect(body, micros).toMatchObject({ status: 400, errors: [{ field: 'micros' }] });
    }
    const cost = { kind: 'cel', micros: 'args.amount > 100 ? 20000 : 500' };
    expect((await api('PUT', '/tools/crm_find/cost', cost)).body).toMatchObject({ cost });
  });

  it('has no more, all lists of a workspace together, than gateways prepare in a moment', async () => {
    const naming = (count: number) => ({
      tools: Array.from({ length: count }, (_, n) => `*${n}*`),
      cost: flat(1),
    });
    const prices = Array(9).fill(naming(200));
    const { status, body, text } = await api('POST', '/price-lists', { name: 'long', prices });
    expect(status, text).toBe(201);
    const more = (count: number) =>
      api('POST', '/price-lists', { name: 'more', prices: [naming(count), naming(100)] });
    expect((await more(101)).body).toMatchObject({ status: 409, code: 'conflict' });
    expect((await more(100)).status).toBe(201);
    const path = `/price-lists/${body['id']}`;
    const longer = [...prices.slice(1), naming(199), naming(2)];
    expect((await api('PATCH', path, { prices: longer })).status).toBe(409);
    expect((await api('PATCH', path, { prices, name: 'as long' })).status).toBe(200);
    const wordy = { kind: 'cel', micros: `'${'x'.repeat(1_600)}' == '' ? 0 : 1` };
    const large = Array(190).fill({ tools: ['crm_*'], cost: wordy });
    await api('PATCH', path, { prices: large });
    for (const [name, status] of Object.entries({ b: 201, c: 201, d: 409 }))
      expect((await api('POST', '/price-lists', { name, prices: large })).status, name).toBe(
        status,
      );
  });

  it('that does not fit its schema is refused', async () => {
    const broken = [
      { prices: [] },
      { prices: [{ tools: [], cost: flat(1) }] },
      { prices: [{ tools: ['*'], cost: flat(-1) }] },
      { prices: [{ tools: ['*'], cost: { kind: 'size', microsPerKiB: 1 } }] },
      { validFrom: 'tomorrow' },
      { validFrom: '2026-02-01T00:00:00Z', validUntil: '2026-02-01T00:00:00Z' },
      { name: '' },
    ];
    for (const body of broken) {
      const whole = { name: 'x', prices: [{ tools: ['*'], cost: flat(1) }], ...body };
      expect((await api('POST', '/price-lists', whole)).status, JSON.stringify(body)).toBe(400);
    }
  });
});

describe('currency and zone', () => {
  it('are set by owners, the currency only while there is no amount', async () => {
    expect((await api('GET', '/workspace')).body).toMatchObject({ currency: 'USD', zone: 'UTC' });
    const change = { currency: 'EUR', zone: 'Europe/Berlin' };
    expect((await api('PATCH', '/workspace', change)).body).toMatchObject(change);
    for (const part of [{ currency: 'EUR' }, { zone: 'UTC' }])
      expect((await api('PATCH', '/workspace', part, await keyOf('admin'))).status).toBe(403);
    for (const broken of [
      { currency: 'EURO' },
      { currency: 'eur' },
      { zone: 'Mars/Base' },
      { zone: '+01:00' },
      { zone: 'europe/berlin' },
      { zone: 'CET' },
    ])
      expect((await api('PATCH', '/workspace', broken)).status, JSON.stringify(broken)).toBe(400);
    const { body } = await api('POST', '/budgets', {
      scope: { kind: 'tenant' },
      period: 'day',
      limitMicros: 1,
    });
    expect(body['currency']).toBe('EUR');
    const midnight = new Intl.DateTimeFormat('en', {
      timeZone: 'Europe/Berlin',
      timeStyle: 'medium',
      hourCycle: 'h23',
    });
    expect(midnight.format(new Date(body['periodStart']))).toBe('00:00:00');
    const late = await api('PATCH', '/workspace', { currency: 'CHF' });
    expect(late.body).toMatchObject({ status: 409, code: 'conflict' });
    // The same again changes nothing.
    expect((await api('PATCH', '/workspace', change)).status).toBe(200);
  });

  it('a price alone, or a charge of before, keeps the currency', async () => {
    await connect();
    await api('PUT', '/tools/crm_find/cost', flat(1));
    expect((await api('PATCH', '/workspace', { currency: 'CHF' })).status).toBe(409);
    await api('PUT', '/tools/crm_find/cost', { kind: 'free' });
    expect((await api('PATCH', '/workspace', { currency: 'CHF' })).status).toBe(200);
    await makeCalls(service, workspace, [{ id: 'call_1', reserved: 1, cost: 1 }]);
    await post(service);
    expect((await api('PATCH', '/workspace', { currency: 'USD' })).status).toBe(409);
  });
});

describe('a call whose outcome nobody knows', () => {
  const id = 'call_0000000000000000000000';
  let budget: string;
  beforeEach(async () => {
    const made = await api('POST', '/budgets', {
      scope: { kind: 'tenant' },
      period: 'month',
      limitMicros: 1_000,
    });
    budget = made.body['id'];
    await makeCalls(service, workspace, [{ id, reserved: 400, budgets: [budget] }]);
    await service.admin.pool.query(
      'insert into held_call (tenant_id, call_id, reserved_micros, accounts) values ($1, $2, 400, $3)',
      [workspace.tenantId, id, await accountsOf(service, workspace, [budget])],
    );
    await post(service);
  });
  const reconcile = (body: unknown, key?: string) =>
    api('POST', `/held-calls/${id}/reconcile`, body, key);
  const amounts = async () => (await api('GET', `/budgets/${budget}`)).body;

  it('is listed with what is held for it, and charged what somebody says it cost, once', async () => {
    const { member } = workspace;
    expect((await api('GET', '/held-calls')).body['items']).toMatchObject([
      {
        callId: id,
        reservedMicros: 400,
        budgets: [budget],
        tool: 'crm_find',
        connection: 'crm',
        memberId: member.memberId,
        actor: member.email,
        client: 'chatgpt',
      },
    ]);
    expect(await amounts()).toMatchObject({ spentMicros: 0, heldMicros: 400 });
    const tooMuch = await reconcile({ costMicros: 401, reason: 'On the bill' });
    expect(tooMuch.body).toMatchObject({ status: 400, code: 'invalid_request' });
    const key = await keyOf('billing');
    const answers = await Promise.all(
      [1, 2, 3].map(() => reconcile({ costMicros: 150, reason: 'On the bill' }, key)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
    expect(answers.find(({ status }) => status === 200)?.body).toEqual({
      callId: id,
      reservedMicros: 400,
      costMicros: 150,
      releasedMicros: 250,
    });
    expect(await amounts()).toMatchObject({ spentMicros: 150, heldMicros: 0 });
    expect((await api('GET', '/held-calls')).body['items']).toEqual([]);
    const changes = await service.changes(workspace.tenantId);
    expect(changes.filter(({ action }) => action === 'money.reconcile')).toMatchObject([
      {
        callId: id,
        reservedMicros: 400,
        costMicros: 150,
        reason: 'On the bill',
        actor: member.email,
        memberId: member.memberId,
      },
    ]);
    // The ledger has it as a correction, and sums to what the account says.
    await post(service);
    const { rows } = await service.admin.pool.query(
      "select kind, debit, credit, amount_micros::int as amount from ledger_entry where tenant_id = $1 and kind = 'correct' order by line",
      [workspace.tenantId],
    );
    expect(rows).toEqual([
      { kind: 'correct', debit: 'held', credit: 'spent', amount: 150 },
      { kind: 'correct', debit: 'held', credit: 'available', amount: 250 },
    ]);
  });

  it('is released, by whom it is for', async () => {
    const release = { release: true, reason: 'Never arrived' };
    const either = '"body": needs either "costMicros" or "release": true.';
    for (const [broken, says] of [
      [{ release: true }, '"reason": '],
      [{ costMicros: 1 }, '"reason": '],
      [{ release: false, reason: 'x' }, '"release": '],
      [{ reason: 'x' }, either],
      [{ ...release, costMicros: 1 }, either],
      [{ costMicros: -1, reason: 'x' }, '"costMicros": '],
    ] as const) {
      const answer = await reconcile(broken);
      expect(answer.status, JSON.stringify(broken)).toBe(400);
      expect(answer.body['detail']).toContain(says);
    }
    const auditor = await keyOf('auditor');
    expect((await reconcile(release, auditor)).status).toBe(403);
    expect((await api('GET', '/held-calls', undefined, auditor)).body['items']).toHaveLength(1);
    expect((await reconcile(release)).body).toMatchObject({ costMicros: 0, releasedMicros: 400 });
    expect(await amounts()).toMatchObject({ spentMicros: 0, heldMicros: 0 });
  });
});
