import { ledgerEntries } from '@conducktor/db';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type ControlService, type Loose } from './harness.js';
import { journal } from './journal.js';

let service: ControlService;
let workspace: SeededWorkspace;

beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
  const { rows } = await service.admin.pool.query(
    `insert into budget (tenant_id, id, scope_kind, period, limit_micros) values ($1, 'bud_1', 'tenant', 'month', 1000000)
     returning number::float8`,
    [workspace.tenantId],
  );
  const reserved = (micros: number) => ({
    record: { reservedMicros: micros, budgets: [rows[0].number * 65536 + 674] },
  });
  await journal(service, workspace, [
    {
      id: 'a',
      at: '2026-03-01T10:00:00.000Z',
      outcome: 'ok',
      costMicros: 1_250_000,
      ...reserved(2_000_000),
    },
    {
      id: 'b',
      at: '2026-03-02T10:00:00.000Z',
      outcome: 'ok',
      costMicros: 5,
      ...reserved(5),
      tool: '=1+1',
    },
    { id: 'c', at: '2026-03-02T11:00:00.000Z', outcome: 'unknown', ...reserved(7) },
    { id: 'free', at: '2026-03-02T11:00:00.000Z', outcome: 'ok' },
    { id: 'not', at: '2026-03-02T11:00:00.000Z', denied: 'budget_exceeded' },
  ]);
});
afterAll(() => service.stop());

const exported = async (query: string, key = workspace.owner.apiKey) => {
  const answer = await service.call(key, 'GET', `/api/v1/ledger${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer;
};

describe('the ledger', () => {
  it('has every movement in order, with what it was for, and balances', async () => {
    const { body } = await exported('');
    expect(body).toMatchObject({
      complete: true,
      entries: 6,
      balances: { available: '-1250012', held: '7', spent: '1250005' },
    });
    expect(
      body['items'].map(
        (each: Loose) => `${each.callId} ${each.kind} ${each.debit}>${each.credit} ${each.amount}`,
      ),
    ).toEqual([
      'a reserve available>held 2.000000',
      'b reserve available>held 0.000005',
      'c reserve available>held 0.000007',
      'a settle held>spent 1.250000',
      'a release held>available 0.750000',
      'b settle held>spent 0.000005',
    ]);
    expect(body['items'][3]).toMatchObject({
      at: '2026-03-01T10:00:00.000Z',
      amountMicros: 1_250_000,
      currency: 'USD',
      connection: 'crm',
      tool: 'crm_find',
      memberId: workspace.member.memberId,
      client: 'chatgpt',
      budgets: ['bud_1'],
      note: null,
    });
  });

  it('agrees with usage, of a span too', async () => {
    const span = 'since=2026-03-02T00:00:00Z&until=2026-03-03T00:00:00Z';
    const { body } = await exported(`?${span}`);
    const usage = await service.call(workspace.owner.apiKey, 'GET', `/api/v1/usage?${span}`);
    expect([body['balances'].spent, body['balances'].held]).toEqual(['5', '7']);
    expect(usage.body['totals']).toMatchObject({
      costMicros: 5,
      heldMicros: 7,
      calls: 3,
      denied: 1,
    });
  });

  it('is NDJSON with a last line that says it is complete', async () => {
    const { text, headers } = await exported('?format=ndjson');
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Loose);
    expect(lines).toHaveLength(7);
    expect(lines.at(-1)).toMatchObject({ complete: true, entries: 6 });
  });

  it('is CSV that no spreadsheet runs', async () => {
    const { text, headers } = await exported('?format=csv');
    expect(headers.get('content-type')).toContain('text/csv');
    const lines = text.trimEnd().split('\r\n');
    expect(lines).toHaveLength(8);
    expect(lines[1]).toContain('"reserve","available","held",2000000,"2.000000","USD","a"');
    expect(lines[2]).toContain(`"'=1+1"`);
    expect(lines[7]).toMatch(
      /^"#complete","6 entries","posted \d+","available -1250012","held 7","spent 1250005",/,
    );
  });

  it('is recorded when it is taken, and of this workspace only', async () => {
    await exported('?format=csv');
    expect((await service.changes(workspace.tenantId)).at(-1)).toMatchObject({
      action: 'ledger.export',
      asked: { format: 'csv' },
    });
    const stranger = await service.seed();
    expect((await exported('', stranger.owner.apiKey)).body).toMatchObject({
      items: [],
      entries: 0,
    });
  });

  it('of a span that ends before it begins is refused, not said to be complete and empty', async () => {
    const [early, late] = ['2026-03-01T00:00:00Z', '2026-03-03T00:00:00Z'];
    for (const span of [`since=${late}&until=${early}`, `since=${late}&until=${late}`]) {
      const path = `/api/v1/ledger?format=csv&${span}`;
      const answer = await service.call(workspace.owner.apiKey, 'GET', path);
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({
        code: 'invalid_request',
        detail: '"since": must be before "until".',
      });
    }
  });

  it('is read a part at a time, also where a span leaves out nearly all of it', async () => {
    const { tenantId, owner } = await service.seed();
    const { admin } = service;
    await admin.pool.query(
      `insert into ledger_entry (tenant_id, seq, line, posted_at, at, kind, debit, credit, amount_micros, call_id, accounts, called_at)
       select $1, i, 0, now(), '2026-01-01'::timestamptz + make_interval(secs => i), 'reserve', 'available', 'held', 5, i, '{}', now()
         from generate_series(3, 20000) i`,
      [tenantId],
    );
    await admin.pool.query(
      "insert into money_cursor (tenant_id, posted_seq, sealed_at, zone) values ($1, 20000, now(), 'UTC')",
      [tenantId],
    );
    const until = '2026-01-01T00:00:10Z';
    const looked = await admin.withTenant(tenantId, async (tx) => {
      const place = { seq: 10, line: 0 };
      const span = { upTo: 20_000, since: undefined, until, limit: 1_000 };
      expect((await ledgerEntries(tx, place, span)).entries).toEqual([]);
      const { rows } = await tx.query(
        "select sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::int as n from pg_stat_xact_user_tables where relname like 'ledger_entry%'",
      );
      return rows[0]!['n'];
    });
    expect(looked).toBeLessThan(12_000);
    expect((await exported(`?until=${until}`, owner.apiKey)).body).toMatchObject({
      complete: true,
      entries: 7,
    });
    expect(
      (await exported('?since=2026-01-01T05:30:00Z', owner.apiKey)).body['balances'].held,
    ).toBe(String(201 * 5));
  });
});
