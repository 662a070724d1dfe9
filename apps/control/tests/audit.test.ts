import { createDb, type Db } from '@conducktor/db';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type ControlService, type Loose } from './harness.js';

let service: ControlService;
let sealer: Db;
let workspace: SeededWorkspace;

beforeAll(async () => {
  service = await startControl();
  sealer = createDb(service.databaseUrlFor('conducktor_audit'), { max: 1 });
  workspace = await service.seed();
  await journal();
  await service.call(workspace.owner.apiKey, 'POST', '/api/v1/groups', { name: 'ops' });
  await sealer.pool.query('select seal(1000)');
});
afterAll(async () => {
  await sealer.end();
  await service.stop();
});

/** An allowed call with its outcome, one without, and a refusal, as a gateway journals them. */
async function journal() {
  const epoch = (await service.admin.pool.query("select open_epoch('test') as id")).rows[0].id;
  const record = (tool: string, rest: object) =>
    JSON.stringify({
      at: new Date().toISOString(),
      memberId: workspace.member.memberId,
      actor: workspace.member.email,
      clientId: 'chatgpt',
      connection: 'crm',
      tool,
      argumentsHash: 'ab'.repeat(32),
      ...rest,
    });
  const calls: [string, boolean, string][] = [
    ['call_done', true, record('crm_find', { decision: 'allow', rule: 'r1' })],
    ['call_open', true, record('crm_find', { decision: 'allow' })],
    [
      'call_denied',
      false,
      record('crm_drop', { decision: 'deny', code: 'policy_denied', rule: 'no' }),
    ],
  ];
  for (const [ordinal, [id, admitted, text]] of calls.entries())
    await service.admin.pool.query(
      'insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, record) values ($1, 1, $2, $3, $4, $5, 0, $6)',
      [epoch, ordinal + 1, workspace.tenantId, id, admitted, text],
    );
  await service.admin.pool.query(
    `insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
     values ($1, 2, 1, $1, 1, 1, $2, 'call_done', 7, $3)`,
    [
      epoch,
      workspace.tenantId,
      JSON.stringify({
        at: new Date().toISOString(),
        outcome: 'error',
        durationMs: 12.5,
        overMax: true,
        uncappedMicros: 9,
      }),
    ],
  );
}

const events = async (query = '', key = workspace.owner.apiKey) =>
  (await service.call(key, 'GET', `/api/v1/audit/events${query}`)).body['items'] as Record<
    string,
    Loose
  >[];

describe('the audit list', () => {
  it('joins a call with its outcome, and shows refusals and changes', async () => {
    const all = await events();
    expect(all).toHaveLength(4);
    expect(all.map(({ seq }) => seq)).toEqual(all.map(({ seq }) => seq).toSorted((a, b) => b - a));
    expect(all.find(({ callId }) => callId === 'call_done')).toMatchObject({
      kind: 'call',
      actor: workspace.member.email,
      client: 'chatgpt',
      connection: 'crm',
      tool: 'crm_find',
      decision: 'allow',
      rule: 'r1',
      outcome: 'error',
      durationMs: 12.5,
      costMicros: 7,
      detail: { overMax: true, uncappedMicros: 9 },
      argumentsHash: 'ab'.repeat(32),
    });
    expect(all.find(({ callId }) => callId === 'call_open')).toMatchObject({
      outcome: null,
      durationMs: null,
    });
    expect(all.find(({ callId }) => callId === 'call_denied')).toMatchObject({
      kind: 'denial',
      decision: 'deny',
      code: 'policy_denied',
      rule: 'no',
      outcome: null,
    });
    expect(all.find(({ kind }) => kind === 'control')).toMatchObject({
      action: 'group.create',
      actor: workspace.owner.email,
      client: workspace.owner.keyId,
      detail: { name: 'ops' },
    });
  });

  it.each([
    ['?outcome=error', ['call_done']],
    ['?outcome=denied', ['call_denied']],
    ['?tool=crm_drop', ['call_denied']],
    ['?callId=call_open', ['call_open']],
    ['?until=2020-01-01T00:00:00Z', []],
    ['?since=2020-01-01T00:00:00%2B01:00&tool=crm_find', ['call_open', 'call_done']],
  ])('filters by %s', async (query, ids) => {
    expect((await events(query)).map(({ callId }) => callId)).toEqual(ids);
  });

  it('filters by person, by id or address', async () => {
    expect(await events(`?actor=${workspace.member.memberId}`)).toHaveLength(3);
    expect(
      await events(`?actor=${encodeURIComponent(workspace.member.email.toUpperCase())}`),
    ).toHaveLength(3);
    expect(await events('?actor=nobody')).toEqual([]);
  });

  it('comes page by page without repeating or leaving out', async () => {
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: { body: Record<string, Loose> } = await service.call(
        workspace.owner.apiKey,
        'GET',
        `/api/v1/audit/events?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      seen.push(...page.body['items'].map((item: Loose) => item.seq));
      cursor = page.body['nextCursor'];
    }
    expect(seen).toEqual((await events()).map(({ seq }) => seq));
  });

  it('shows another workspace nothing', async () => {
    const other = await service.seed();
    expect(await events('', other.owner.apiKey)).toEqual([]);
    expect(await events('?callId=call_done', other.owner.apiKey)).toEqual([]);
  });

  it('refuses filters that mean nothing', async () => {
    for (const query of ['?since=yesterday', '?outcome=maybe', '?foo=1', '?actor=%00'])
      expect(
        (await service.call(workspace.owner.apiKey, 'GET', `/api/v1/audit/events${query}`)).status,
        query,
      ).toBe(400);
  });
});
