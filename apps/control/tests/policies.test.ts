import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listed, startControl, type ControlService } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
let key: string;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  workspace = await service.seed();
  key = workspace.owner.apiKey;
});

const post = (document: unknown) => service.call(key, 'POST', '/api/v1/policies', { document });
const activate = (version: number | string) =>
  service.call(key, 'POST', `/api/v1/policies/${version}/activate`, {});

const CONTRACTORS = `
version: 1
default: allow-read            # deny | allow-read | allow
rules:
  - id: contractors-read-only
    when: { groups: [contractors], class: [write, destructive] }
    effect: deny
    message: Update operations not allowed
tests:
  - call: { groups: [contractors], tool: linear-prod_update_issue, args: {} }
    expect: deny
`;

describe('a policy', () => {
  it('is stored as the next version, activated, and rolled back', async () => {
    expect((await post(CONTRACTORS)).body).toEqual({ version: 1 });
    expect((await post({ version: 1, default: 'deny' })).body).toEqual({ version: 2 });
    expect((await activate(1)).body).toEqual({ version: 1, active: true, testsPassed: 1 });
    expect((await activate(2)).status).toBe(200);
    expect((await activate(1)).status).toBe(200);
    const list = await service.call(key, 'GET', '/api/v1/policies');
    expect(list.body['items']).toMatchObject([
      { version: 2, active: false },
      { version: 1, active: true, createdBy: workspace.owner.memberId },
    ]);
    const one = await service.call(key, 'GET', '/api/v1/policies/1');
    expect(one.body).toMatchObject({ version: 1, active: true, source: CONTRACTORS });
    expect(one.body['document'].rules[0].id).toBe('contractors-read-only');
    expect((await service.changes(workspace.tenantId)).map(({ action }) => action)).toEqual([
      'policy.create',
      'policy.create',
      'policy.activate',
      'policy.activate',
      'policy.activate',
    ]);
  });

  it('that cannot work is refused, naming rule and field', async () => {
    const refused = await post(
      'version: 1\ndefault: allow\nrules: [{ id: r, effect: require_approval }]',
    );
    expect(refused.status).toBe(400);
    expect(refused.body['detail']).toContain('Rule "r", approvers: is missing');
    expect(refused.body['problems'][0]).toMatchObject({ rule: 'r', field: 'approvers' });
    expect((await post('version: [')).status).toBe(400);
    expect((await post(5)).status).toBe(400);
    expect((await service.call(key, 'GET', '/api/v1/policies')).body['items']).toEqual([]);
  });

  it('whose tests fail against the catalogue is not activated', async () => {
    const { id } = (
      await service.call(key, 'POST', '/api/v1/connections', {
        slug: 'crm',
        kind: 'mcp-http',
        url: 'https://crm.example/mcp',
      })
    ).body;
    const source = `version: 1\ndefault: allow-read\ntests: [{ name: reading, call: { tool: crm_find }, expect: allow }]`;
    const { version } = (await post(source)).body as { version: number };
    const refused = await activate(version);
    expect(refused.status).toBe(409);
    expect(refused.body['detail']).toContain(
      '1 of its 1 tests failed. reading: Expected allow of crm_find.',
    );
    service.worker.answer = () => ({
      status: 'ACTIVE',
      ms: 1,
      tools: [listed('find', { annotations: { readOnlyHint: true } })],
    });
    await service.call(key, 'POST', `/api/v1/connections/${id}/test`);
    expect((await activate(version)).status).toBe(200);
  });

  it('may test how it decides on management tools', async () => {
    const test = 'call: { roles: [member], tool: conducktr_create_policy }, expect: allow';
    const { version } = (await post(`version: 1\ndefault: allow-read\ntests: [{ ${test} }]`))
      .body as { version: number };
    const refused = await activate(version);
    expect(refused.status).toBe(409);
    expect(refused.body['detail']).toContain('conducktr_create_policy');
    expect(refused.body['detail']).not.toContain('no tool');
  });

  it('bumps the workspace’s version when it becomes active, so that gateways see it', async () => {
    const version = () =>
      service.admin.withTenant(workspace.tenantId, async (tx) =>
        Number(
          (await tx.query('select version from tenant_version where tenant_id = $1', [tx.tenantId]))
            .rows[0]!['version'],
        ),
      );
    await post(CONTRACTORS);
    const before = await version();
    await activate(1);
    expect(await version()).toBeGreaterThan(before);
  });

  it('gets numbers without gaps or doubles when many are written at once', async () => {
    const versions = await Promise.all(
      Array.from({ length: 8 }, () => post({ version: 1, default: 'deny' })),
    );
    expect(versions.map(({ body }) => body['version'] as number).sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  it('that is activated with others at once tells which one it replaced', async () => {
    const documents = Array.from({ length: 6 }, () => ({ version: 1, default: 'deny' }));
    const versions = await Promise.all(documents.map(async (each) => (await post(each)).body));
    await Promise.all(versions.map(({ version }) => activate(version as number)));
    const replaced = (await service.changes(workspace.tenantId))
      .filter(({ action }) => action === 'policy.activate')
      .map(({ previous }) => previous);
    expect(replaced).toHaveLength(6);
    expect(new Set(replaced).size).toBe(6);
  });

  it('of a version that does not exist is not found', async () => {
    for (const version of ['7', '0', '-1', 'x', '99999999999', '1.5'])
      expect((await activate(version)).status, version).toBe(404);
  });
});
