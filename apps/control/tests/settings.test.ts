import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listed, startControl, type ControlService } from './harness.js';
import { keyOfRole } from './journal.js';

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

describe('the settings of a workspace', () => {
  it('are changed one by one, shown, and recorded', async () => {
    expect((await api('GET', '/workspace')).body['retention']).toEqual({
      payloadDays: 90,
      eventDays: null,
    });
    const changed = await api('PATCH', '/workspace', {
      name: 'Acme',
      limitProfile: 'burst',
      retention: { payloadDays: 7, eventDays: 365 },
    });
    expect(changed.body).toMatchObject({
      name: 'Acme',
      limitProfile: 'burst',
      retention: { payloadDays: 7, eventDays: 365 },
    });
    const rest = await api('PATCH', '/workspace', { retention: { payloadDays: null } });
    expect(rest.body).toMatchObject({
      name: 'Acme',
      retention: { payloadDays: null, eventDays: 365 },
    });
    expect((await api('GET', '/workspace')).body).toEqual(rest.body);
    expect(await service.changes(workspace.tenantId)).toMatchObject([
      { action: 'workspace.update', name: 'Acme', retention: { payloadDays: 7, eventDays: 365 } },
      { action: 'workspace.update', retention: { payloadDays: null } },
    ]);
  });

  it.each([
    { name: '' },
    { name: 'a\nb' },
    { limitProfile: 'endless' },
    { retention: { payloadDays: 0 } },
    { retention: { eventDays: 29 } },
    { retention: { eventDays: 3_651 } },
    { slug: 'other' },
  ])('refuse %j', async (body) => {
    expect((await api('PATCH', '/workspace', body)).status).toBe(400);
  });

  it.each(['member', 'auditor', 'billing', 'approver'])('are not for a %s', async (role) => {
    expect((await api('PATCH', '/workspace', { name: 'x' }, await keyOf(role))).status).toBe(403);
  });
});

it('how long records are kept is not an admin’s to say, who is in them', async () => {
  const key = await keyOf('admin');
  expect((await api('PATCH', '/workspace', { name: 'x' }, key)).status).toBe(200);
  const refused = await api('PATCH', '/workspace', { retention: { eventDays: 30 } }, key);
  expect(refused.body).toMatchObject({ status: 403, code: 'forbidden' });
  expect((await api('GET', '/workspace')).body['retention']).toMatchObject({ eventDays: null });
});

describe('the cost of a tool', () => {
  it('is set by id or shown name, shown in the list, and tells gateways', async () => {
    const { body } = await api('POST', '/connections', {
      slug: 'crm',
      kind: 'mcp-http',
      url: 'https://crm.example/mcp',
    });
    service.worker.answer = () => ({ status: 'ACTIVE', ms: 1, tools: [listed('find')] });
    await api('POST', `/connections/${body['id']}/test`);
    const [tool] = (await api('GET', '/tools')).body['items'];
    expect(tool.cost).toEqual({ kind: 'free' });
    const version = async () =>
      (
        await service.admin.pool.query(
          'select version::int as n from tenant_version where tenant_id = $1',
          [workspace.tenantId],
        )
      ).rows[0].n;
    const before = await version();
    const cost = { kind: 'flat', micros: 10_000 };
    expect((await api('PUT', '/tools/crm_find/cost', cost)).body['cost']).toEqual(cost);
    expect(await version()).toBeGreaterThan(before);
    expect((await api('GET', '/tools')).body['items'][0].cost).toEqual(cost);
    const billing = await keyOf('billing');
    const free = await api('PUT', `/tools/${tool.id}/cost`, { kind: 'free' }, billing);
    expect(free.body['cost']).toEqual({ kind: 'free' });
    expect((await api('GET', '/tools', undefined, billing)).status).toBe(200);
    expect((await api('PATCH', '/tools/crm_find', { hidden: true }, billing)).status).toBe(403);
    expect((await api('PATCH', '/tools/crm_find', { hidden: true })).body['id']).toBe(tool.id);
    for (const broken of [
      { kind: 'flat' },
      { kind: 'flat', micros: -1 },
      { kind: 'flat', micros: 0.5 },
      { kind: 'free', micros: 1 },
    ])
      expect((await api('PUT', '/tools/crm_find/cost', broken)).status).toBe(400);
    expect((await api('PUT', '/tools/crm_nothing/cost', cost)).status).toBe(404);
    const changes = await service.changes(workspace.tenantId);
    expect(changes.filter(({ action }) => action === 'tool.cost')).toMatchObject([
      { tool: 'crm_find', cost, actor: workspace.owner.email },
      { tool: 'crm_find', cost: { kind: 'free' }, actor: workspace.member.email },
    ]);
  });

  it.each(['member', 'auditor', 'approver'])('is not for a %s to set', async (role) => {
    const cost = { kind: 'free' };
    expect((await api('PUT', '/tools/crm_find/cost', cost, await keyOf(role))).status).toBe(403);
  });
});
