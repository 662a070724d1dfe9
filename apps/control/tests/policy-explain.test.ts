import { hash } from 'node:crypto';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed, startControl, type ControlService } from './harness.js';
import { journal } from './journal.js';

let service: ControlService;
let workspace: SeededWorkspace;
let key: string;

beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
  key = workspace.owner.apiKey;
  const crm = { slug: 'crm', kind: 'mcp-http', url: 'https://crm.example/mcp' };
  const { id } = (await service.call(key, 'POST', '/api/v1/connections', crm)).body;
  service.worker.answer = () => ({ status: 'ACTIVE', ms: 1, tools: [listed('update')] });
  await service.call(key, 'POST', `/api/v1/connections/${id}/test`);
});
afterAll(() => service.stop());

const explain = (body: object, by = key) =>
  service.call(by, 'POST', '/api/v1/policies/explain', body);
const POLICY = {
  version: 1,
  default: 'allow',
  rules: [
    { id: 'others', when: { tools: ['drive_*'] }, effect: 'deny' },
    {
      id: 'large',
      when: { class: ['write'], if: 'args.amount > 1000' },
      effect: 'deny',
      message: 'Too much',
    },
    {
      id: 'contractors',
      when: { groups: ['contractors'] },
      effect: 'require_approval',
      approvers: { group: 'admins', count: 2 },
      expires: '2h',
    },
  ],
};

describe('the explanation of a call', () => {
  it('tells every rule’s part, with groups and class looked up', async () => {
    const { status, body } = await explain({
      document: POLICY,
      member: workspace.contractor.email,
      tool: 'crm_update',
      args: { amount: 5 },
    });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({
      version: null,
      call: { groups: ['contractors'], class: 'write', connection: 'crm' },
      effect: 'require_approval',
      rule: 'contractors',
      approvals: [
        { rule: 'contractors', from: 'admins', count: 2, expiresMs: 7_200_000, onApproval: 'run' },
      ],
      notes: [],
    });
    expect(body['rules'].map(({ rule, result }: Record<string, string>) => [rule, result])).toEqual(
      [
        ['others', 'not matched'],
        ['large', 'not matched'],
        ['contractors', 'matched'],
      ],
    );
    expect(body['rules'][1].because).toBe('args.amount > 1000 is false');
  });

  it('of one that is recorded has what it was made with', async () => {
    const { tenantId, member } = workspace;
    const text = '{"amount":9000}';
    const sealed = await service.control.vault.sealForSubject(
      tenantId,
      member.memberId,
      'call/c1',
      text,
    );
    await journal(service, workspace, [
      {
        id: 'c1',
        tool: 'crm_update',
        outcome: 'ok',
        record: {
          argumentsSealed: sealed.toString('base64'),
          argumentsHash: hash('sha256', text, 'hex'),
        },
      },
      {
        id: 'c2',
        tool: 'crm_update',
        outcome: 'ok',
        record: { argumentsSealed: sealed.toString('base64') },
      },
    ]);
    const events = await service.call(key, 'GET', '/api/v1/audit/events?kind=call&order=asc');
    const [first, second] = events.body['items'] as { id: string }[];
    const { body } = await explain({ document: POLICY, event: first!.id });
    expect(body).toMatchObject({
      effect: 'deny',
      rule: 'large',
      message: 'Too much',
      call: { member: member.email, tool: 'crm_update' },
    });
    const unreadable = await explain({ document: POLICY, event: second!.id });
    expect(unreadable.body['notes'][0]).toContain('cannot be read');
    const looked = (await service.changes(tenantId)).filter(
      ({ action }) => action === 'policy.explain',
    );
    expect(looked[0]).toMatchObject({ eventId: first!.id, ofMember: member.memberId });
  });

  it('by the active policy of a tool that nobody has says what was assumed', async () => {
    const { body } = await explain({ tool: 'new_thing', member: 'x@example.com' });
    expect(body).toMatchObject({ effect: 'deny', call: { class: 'write', connection: 'new' } });
    expect(body['notes']).toHaveLength(2);
    expect((await explain({})).status).toBe(400);
  });
});

it('two versions differ by rules and fields, and not by their order', async () => {
  const store = async (document: object) =>
    (await service.call(key, 'POST', '/api/v1/policies', { document })).body['version'] as number;
  const [others, large, contractors] = POLICY.rules as [object, object, object];
  const first = await store({ ...POLICY, tests: [{ call: { tool: 'a_b' }, expect: 'allow' }] });
  const turned = await store({
    ...POLICY,
    rules: [contractors, others, large],
    tests: [{ expect: 'allow', call: { tool: 'a_b' } }],
  });
  const changed = await store({
    version: 1,
    default: 'deny',
    rules: [
      {
        ...large,
        when: { class: ['write', 'destructive'], if: 'args.amount > 1000' },
        message: 'Far too much',
      },
      { id: 'new', effect: 'allow' },
    ],
  });
  const diff = async (a: number, b: number) =>
    (await service.call(key, 'GET', `/api/v1/policies/${a}/diff/${b}`)).body;
  expect(await diff(first, turned)).toMatchObject({ same: true });
  expect(await diff(first, changed)).toMatchObject({
    same: false,
    settings: [{ field: 'default', before: 'allow', after: 'deny' }],
    rules: {
      added: [{ id: 'new' }],
      removed: [{ id: 'others' }, { id: 'contractors' }],
      changed: [
        {
          rule: 'large',
          fields: [
            { field: 'message', before: 'Too much', after: 'Far too much' },
            { field: 'when.class', before: ['write'], after: ['write', 'destructive'] },
          ],
        },
      ],
    },
    tests: { added: [], removed: [{ call: { tool: 'a_b' } }] },
  });
  expect((await service.call(key, 'GET', `/api/v1/policies/${first}/diff/99`)).status).toBe(404);
});
