import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type ControlService, type Loose } from './harness.js';
import { adminKey, journal } from './journal.js';

const ARGUMENTS = { customer: 'canary-91', note: 'private' };
let service: ControlService;
let workspace: SeededWorkspace;

beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
  const { vault } = service.control;
  const { tenantId, member, contractor } = workspace;
  const sealed = (id: string, by = member) =>
    vault.sealForSubject(tenantId, by.memberId, `call/${id}`, JSON.stringify(ARGUMENTS));
  const inline = async (id: string, by = member) => ({
    argumentsSealed: (await sealed(id, by)).toString('base64'),
  });
  await journal(service, workspace, [
    { id: 'inline', record: await inline('inline') },
    { id: 'apart', record: { argumentsIn: 'call_body' } },
    { id: 'lost', record: { argumentsIn: 'call_body' } },
    { id: 'expired', record: await inline('expired') },
    { id: 'erased', by: contractor, record: await inline('erased', contractor) },
    { id: 'denied', denied: 'policy_denied' },
    { id: 'refused', denied: 'policy_denied', record: { argumentsIn: 'call_body' } },
  ]);
  for (const id of ['apart', 'refused'])
    await service.admin.pool.query(
      'insert into call_body (tenant_id, call_id, sealed) values ($1, $2, $3)',
      [tenantId, id, await sealed(id)],
    );
  await service.admin.pool.query(
    "update audit_event set arguments_sealed = null, payload_erased_at = now() where call_id = 'expired'",
  );
  await service.admin.pool.query('delete from subject_key where member_id = $1', [
    contractor.memberId,
  ]);
});
afterAll(() => service.stop());

const eventOf = async (callId: string): Promise<string> => {
  const { body } = await service.call(
    workspace.owner.apiKey,
    'GET',
    `/api/v1/audit/events?callId=${callId}`,
  );
  return body['items'][0].id;
};
const payload = async (callId: string, key = workspace.owner.apiKey) =>
  service.call(key, 'GET', `/api/v1/audit/events/${await eventOf(callId)}/payload`);
const permit = (memberId: string) =>
  service.admin.pool.query("update member set permissions = '{audit:payloads}' where id = $1", [
    memberId,
  ]);

describe('the arguments of a call', () => {
  it('need the permission beside the role, and the role beside the permission', async () => {
    const refused = await payload('inline');
    expect(refused.status).toBe(403);
    expect(refused.body['detail']).toContain('audit:payloads');
    expect(refused.text).not.toContain('canary-91');
    const key = await adminKey(service, workspace, workspace.member);
    await permit(workspace.member.memberId);
    expect((await payload('inline', key)).status).toBe(403);
    await service.admin.pool.query("update member set roles = '{auditor}' where id = $1", [
      workspace.member.memberId,
    ]);
    expect((await payload('inline', key)).status).toBe(200);
  });

  it('are shown as they were decided on, from wherever they are kept', async () => {
    await permit(workspace.owner.memberId);
    for (const id of ['inline', 'apart', 'refused'])
      expect((await payload(id)).body, id).toMatchObject({
        callId: id,
        state: 'available',
        arguments: ARGUMENTS,
        argumentsHash: 'ab'.repeat(32),
      });
  });

  it.each([
    ['expired', /does not keep them any longer/],
    ['erased', /key of the person who called was destroyed/],
    ['lost', /did not reach the store/],
    ['denied', /no arguments/],
  ])('that are %s are not there, and it says why', async (id, why) => {
    const states: Record<string, string> = { lost: 'missing', denied: 'none' };
    const { body, status } = await payload(id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: states[id] ?? id, arguments: null });
    expect(body['detail']).toMatch(why);
  });

  it('stay erased when their person has a new key, and reading makes none', async () => {
    const keys = async () =>
      (
        await service.admin.pool.query(
          'select count(*)::int as n from subject_key where member_id = $1',
          [workspace.contractor.memberId],
        )
      ).rows[0].n;
    expect(await keys()).toBe(0);
    await service.admin.pool.query(
      "insert into subject_key (tenant_id, member_id, wrapped, created_at) values ($1, $2, 'x', now() + interval '1 hour')",
      [workspace.tenantId, workspace.contractor.memberId],
    );
    expect((await payload('erased')).body).toMatchObject({ state: 'erased' });
  });

  it('are never read without a record of who did', async () => {
    const before = (await service.changes(workspace.tenantId)).length;
    await payload('inline');
    const records: Loose[] = (await service.changes(workspace.tenantId)).slice(before);
    expect(records).toEqual([
      expect.objectContaining({
        action: 'audit.payload.read',
        actor: workspace.owner.email,
        ofCall: 'inline',
        ofMember: workspace.member.memberId,
        state: 'available',
      }),
    ]);
    expect(JSON.stringify(records)).not.toContain('canary-91');
  });
});
