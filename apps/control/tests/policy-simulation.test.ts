import { hash } from 'node:crypto';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SimulationRunner } from '../src/policies/rehearsal/runner.js';
import { listed, startControl, type ControlService, type Loose } from './harness.js';
import { journal, type JournaledCall } from './journal.js';

let service: ControlService;
let workspace: SeededWorkspace;
let key: string;
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
  key = workspace.owner.apiKey;
  const { id } = (
    await service.call(key, 'POST', '/api/v1/connections', {
      slug: 'crm',
      kind: 'mcp-http',
      url: 'https://crm.example/mcp',
    })
  ).body;
  service.worker.answer = () => ({
    status: 'ACTIVE',
    ms: 1,
    tools: [
      listed('find', { annotations: { readOnlyHint: true } }),
      listed('update'),
      listed('mail'),
    ],
  });
  await service.call(key, 'POST', `/api/v1/connections/${id}/test`);
  await service.call(key, 'PATCH', '/api/v1/tools/crm_find', { labels: ['private'] });
  const { member, contractor } = workspace;
  await journal(service, workspace, [
    await made('old', member, 'crm_update', { amount: 9_000 }, { at: ago(60 * 24 * 9) }),
    // What audit keeps is not what was decided on.
    await made(
      'redacted',
      member,
      'crm_update',
      { amount: 9_000 },
      { at: ago(95), record: { argumentsHash: 'ab'.repeat(32) } },
    ),
    await made('small', member, 'crm_update', { amount: 10 }, { at: ago(90) }),
    await made('large', member, 'crm_update', { amount: 9_000 }, { at: ago(80) }),
    await made('apart', member, 'crm_update', { amount: 9_001 }, { at: ago(79) }, true),
    await made('theirs', contractor, 'crm_update', { amount: 10 }, { at: ago(70) }),
    await made('mail-before', member, 'crm_mail', {}, { at: ago(62) }),
    await made('find', member, 'crm_find', { id: '1' }, { at: ago(60) }),
    await made('mail-after', member, 'crm_mail', {}, { at: ago(50) }),
    await made('mail-later', member, 'crm_mail', {}, { at: ago(20) }),
    await made('mail-other', contractor, 'crm_mail', {}, { at: ago(50) }),
    { id: 'denied', tool: 'crm_update', denied: 'policy_denied', at: ago(40) },
    // With its arguments, as gateways keep them of refusals that have a record of their own.
    await refused('denied-small', { amount: 10 }, 41),
    await refused('denied-large', { amount: 9_000 }, 42),
    { id: 'denied-many', tool: 'crm_mail', denied: 'policy_denied', at: ago(39), repeated: 30 },
    { id: 'limited', tool: 'crm_update', denied: 'rate_limited', at: ago(38) },
    { id: 'asked', tool: 'crm_update', denied: 'approval_required', at: ago(37) },
    await made(
      'approved',
      member,
      'crm_update',
      { amount: 1 },
      { at: ago(36), record: { approval: 'apr_1' } },
    ),
    await made('gone', member, 'old_tool', {}, { at: ago(30), connection: 'old' }),
    // Of a connection with private tools, so it counts as given; long before the mails, like `find`.
    { id: 'listing', tool: 'crm_resources/read', at: ago(61), outcome: 'ok' },
  ]);
  // Their keys are older than their calls.
  await service.admin.pool.query(
    "update subject_key set created_at = now() - interval '30 days' where tenant_id = $1",
    [workspace.tenantId],
  );
});
afterAll(() => service.stop());

/** A call with its arguments sealed as a gateway seals them. */
async function made(
  id: string,
  by: JournaledCall['by'] & object,
  tool: string,
  args: object,
  rest: Partial<JournaledCall>,
  apart = false,
): Promise<JournaledCall> {
  const { tenantId } = workspace;
  const sealed = await service.control.vault.sealForSubject(
    tenantId,
    by.memberId,
    `call/${id}`,
    JSON.stringify(args),
  );
  if (apart)
    await service.admin.pool.query(
      'insert into call_body (tenant_id, call_id, sealed) values ($1, $2, $3)',
      [tenantId, id, sealed],
    );
  const kept = apart
    ? { argumentsIn: 'call_body' }
    : { argumentsSealed: sealed.toString('base64') };
  const argumentsHash = hash('sha256', JSON.stringify(args), 'hex');
  return {
    id,
    by,
    tool,
    outcome: 'ok',
    ...rest,
    record: { argumentsHash, ...kept, ...rest.record },
  };
}

async function refused(id: string, args: object, minutes: number): Promise<JournaledCall> {
  const call = await made(id, workspace.member, 'crm_update', args, { at: ago(minutes) });
  const { outcome: _none, ...rest } = call;
  return { ...rest, denied: 'policy_denied' };
}

const start = (body: object) => service.call(key, 'POST', '/api/v1/policies/simulate', body);
async function ended(id: string): Promise<Record<string, Loose>> {
  for (;;) {
    const { body } = await service.call(key, 'GET', `/api/v1/policies/simulations/${id}`);
    if (body['finishedAt'] !== null) return body;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
async function simulated(document: object, rest: object = {}) {
  const { status, body } = await start({ document: { version: 1, ...document }, ...rest });
  expect(status, JSON.stringify(body)).toBe(201);
  const view = await ended(body['id'] as string);
  const changes = await service.call(
    key,
    'GET',
    `/api/v1/policies/simulations/${view['id']}/changes`,
  );
  return { view, changes: changes.body['items'] as Record<string, Loose>[] };
}

describe('a simulation', () => {
  it('counts what would change by rule, tool and person, and tells each call', async () => {
    const { view, changes } = await simulated({
      default: 'allow',
      rules: [
        { id: 'large', when: { tools: ['crm_update'], if: 'args.amount > 1000' }, effect: 'deny' },
        {
          id: 'contractors',
          when: { groups: ['contractors'], class: ['write', 'destructive'] },
          effect: 'deny',
          message: 'Not you',
        },
      ],
    });
    expect(view).toMatchObject({
      state: 'done',
      progress: { share: 1 },
      error: null,
      version: null,
    });
    expect(view['totals']).toMatchObject({ calls: 46, judged: 42, changed: 35 });
    expect(view['totals'].changes).toEqual([
      { from: 'allow', to: 'deny', calls: 4 },
      { from: 'deny', to: 'allow', calls: 31 },
    ]);
    expect(
      view['totals'].notJudged.map(({ reason, calls }: Loose) => `${reason} ${calls}`).sort(),
    ).toEqual(['arguments_not_kept 2', 'arguments_redacted 1', 'tool_gone 1']);
    expect(view['rules'].slice(0, 3)).toEqual([
      { rule: null, calls: 37, changed: 31 },
      { rule: 'large', calls: 3, changed: 2 },
      { rule: 'contractors', calls: 2, changed: 2 },
    ]);
    expect(view['people'][0]).toMatchObject({ email: workspace.member.email, changed: 33 });
    expect(changes.map(({ tool, was, now }) => [tool, was.effect, now.effect, now.rule])).toEqual([
      ['crm_update', 'allow', 'deny', 'large'],
      ['crm_update', 'allow', 'deny', 'large'],
      ['crm_update', 'allow', 'deny', 'contractors'],
      ['crm_mail', 'allow', 'deny', 'contractors'],
      ['crm_update', 'deny', 'allow', null],
      ['crm_mail', 'deny', 'allow', null],
    ]);
    expect(changes[2]!['now'].sentence).toBe('Permission denied: Not you');
  });

  it('knows what a client was given before, within the window', async () => {
    const { changes } = await simulated({
      default: 'allow',
      taint: { window: '30m' },
      rules: [{ id: 'leak', when: { tools: ['crm_mail'], seen: ['private'] }, effect: 'deny' }],
    });
    const at = changes.filter(({ now }) => now.effect === 'deny').map((each) => each['at']);
    expect(at).toHaveLength(1);
    expect(Date.parse(at[0]) - Date.now()).toBeCloseTo(-50 * 60_000, -5);
  });

  it('is of the calls that were asked for only', async () => {
    const { view } = await simulated(
      { default: 'deny' },
      { member: workspace.contractor.email, tool: 'crm_mail', days: 1 },
    );
    expect(view['totals']).toMatchObject({ calls: 1, judged: 1, changed: 1 });
    expect(
      (await start({ document: { version: 1, default: 'deny' }, member: 'nobody@x.example' }))
        .status,
    ).toBe(404);
  });

  it('of a policy that cannot work, of none or of two is refused', async () => {
    expect((await start({ document: 'version: [' })).status).toBe(400);
    expect((await start({})).status).toBe(400);
    expect((await start({ version: 1, document: { version: 1, default: 'deny' } })).status).toBe(
      400,
    );
    expect((await start({ version: 77 })).status).toBe(404);
  });

  it('of rules that are hostile or fail comes to its end, and refuses what they cannot decide', async () => {
    const big = JSON.stringify(Array.from({ length: 60 }, (_, i) => i));
    const conditions = [
      `${big}.all(a, ${big}.all(b, a + b >= 0)) && args.amount > 1`,
      `args.note.matches("(a+)+$") || args.missing.deeply.so == 1`,
      'args.amount / 0 == 1',
      '[1, 2][9999] == 1',
    ];
    const { view, changes } = await simulated({
      default: 'allow',
      rules: conditions.map((condition, i) => ({
        id: `r${i}`,
        when: { tools: ['crm_update'], if: condition },
        effect: i % 2 === 0 ? 'deny' : 'allow',
      })),
    });
    expect(view).toMatchObject({ state: 'done', progress: { share: 1 } });
    // What cannot be decided is refused.
    const updates = changes.filter(({ tool }) => tool === 'crm_update');
    expect(updates.length).toBeGreaterThan(0);
    for (const { now } of updates) expect(now.effect).toBe('deny');
  });
});

describe('of one workspace', () => {
  const document = { version: 1, default: 'deny' };

  it('one runs at a time, is cancelled, and goes on in another process where one stopped', async () => {
    // This process stops working on simulations, as if it were killed.
    await service.control.simulations.stop();
    const { body } = await start({ document });
    const again = await start({ document });
    expect(again.status).toBe(409);
    expect(again.body['simulation']).toBe(body['id']);
    const path = `/api/v1/policies/simulations/${body['id']}`;
    expect((await service.call(key, 'DELETE', path)).status).toBe(204);
    expect((await service.call(key, 'GET', path)).body['state']).toBe('cancelled');

    const next = (await start({ document })).body['id'] as string;
    await service.admin.pool.query(
      `update policy_simulation set status = 'running', lease_by = 'killed', lease_until = now(),
              started_at = now() where id = $1`,
      [next],
    );
    const other = new SimulationRunner(service.control);
    other.start();
    const view = await ended(next);
    await other.stop();
    expect(view).toMatchObject({ state: 'done', totals: { calls: 46, changed: 12 } });
  });
});
