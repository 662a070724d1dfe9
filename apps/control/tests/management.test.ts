import { randomBytes } from 'node:crypto';
import {
  MANAGEMENT_CONNECTION,
  MANAGEMENT_TOOLS,
  newId,
  Role,
  type CallRequest,
  type LateOutcome,
} from '@conducktor/contracts';
import { RpcClient } from '@conducktor/runtime';
import type { SeededMember, SeededWorkspace } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../src/http/caller.js';
import { HANDLERS } from '../src/management/handlers.js';
import { openManagement, type ManagementServer } from '../src/management/management-server.js';
import { post } from './journal.js';
import { startControl, type ControlService, type Loose } from './harness.js';
import { openDesk, waitingCall } from './waiting-call.js';

const key = randomBytes(32);
let service: ControlService;
let server: ManagementServer;
let workspace: SeededWorkspace;
const clients: RpcClient[] = [];
beforeAll(async () => {
  service = await startControl();
  server = await openManagement(service.control, { host: '127.0.0.1', port: 0, key });
});
afterAll(async () => {
  await server.stop();
  await service.stop();
});
beforeEach(async () => {
  workspace = await service.seed();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

async function gateway(instanceId = 'gateway-1', onLate?: (late: LateOutcome[]) => void) {
  const client = new RpcClient({
    address: `127.0.0.1:${server.port}`,
    key,
    instanceId,
    ...(onLate && { onLate }),
  });
  clients.push(client);
  expect(await client.whenReady(5_000)).toBe(true);
  return client;
}
const request = (
  name: string,
  args: object = {},
  { memberId, keyId }: SeededMember = workspace.owner,
): CallRequest => ({
  key: { epoch: 1, tick: 1, ordinal: 1 },
  callId: newId('call'),
  tenantId: workspace.tenantId,
  memberId,
  clientId: keyId,
  connectionId: MANAGEMENT_CONNECTION,
  revision: 0,
  method: 'tools/call',
  name,
  argumentsJson: JSON.stringify(args),
  timeoutMs: 10_000,
  progress: false,
});
const linear = { slug: 'linear', kind: 'mcp-http', url: 'https://mcp.linear.app/mcp' };
const parsed = ({ resultJson }: { resultJson?: string }): Loose => JSON.parse(resultJson ?? 'null');

it('each tool lets in exactly the roles that its gateway offers it to', () => {
  for (const tool of MANAGEMENT_TOOLS)
    for (const role of Role.options) {
      const { guard } = HANDLERS.get(tool.name)!;
      const check = () => guard.check({ roles: [role] } as Caller);
      if (tool.roles === null || tool.roles.includes(role)) expect(check, tool.name).not.toThrow();
      else expect(check, `${tool.name} as ${role}`).toThrow('Permission denied');
    }
});

describe('a management call', () => {
  it('acts once for one id, whoever sends it twice', async () => {
    const client = await gateway();
    const once = request('conducktr_create_connection', linear);
    const [one, two] = await Promise.all([client.call(once), client.call(once)]);
    expect(one.outcome).toBe('ok');
    expect(two.resultJson).toBe(one.resultJson);
    expect(await client.call(once)).toMatchObject({ outcome: 'unknown' });
    expect((await service.changes(workspace.tenantId)).map(({ action }) => action)).toEqual([
      'connection.create',
    ]);
  });

  it('does what the member may do now, not when the gateway looked', async () => {
    const client = await gateway();
    const { tenantId, owner } = workspace;
    await service.admin.pool.query(
      `update member set roles = '{member}' where tenant_id = $1 and id = $2`,
      [tenantId, owner.memberId],
    );
    const refused = await client.call(request('conducktr_create_connection', linear));
    expect(refused.outcome).toBe('error');
    expect(parsed(refused)).toMatchObject({
      isError: true,
      _meta: { 'conducktor/code': 'policy_denied' },
    });
    await service.admin.pool.query(
      'update member set disabled_at = now() where tenant_id = $1 and id = $2',
      [tenantId, owner.memberId],
    );
    const gone = parsed(await client.call(request('conducktr_list_connections')));
    expect(gone.content[0].text).toBe(
      'Permission denied: you are no longer a member of this workspace.',
    );
    expect(await service.changes(tenantId)).toEqual([]);
  });

  it('of another workspace’s member finds nothing of this one', async () => {
    const client = await gateway();
    await client.call(request('conducktr_create_connection', linear));
    const other = await service.seed();
    const asked = request('conducktr_get_connection_health', { connection: 'linear' }, other.owner);
    const wrong = parsed(await client.call(asked));
    expect(wrong.isError).toBe(true);
    const theirs = parsed(
      await client.call({ ...asked, callId: newId('call'), tenantId: other.tenantId }),
    );
    expect(theirs._meta['conducktor/code']).toBe('not_found');
  });

  it('that writes is not interrupted when it is given up: its answer says what became of it', async () => {
    const client = await gateway();
    const blocker = await service.admin.pool.connect();
    await blocker.query('begin');
    await blocker.query('select from tenant where id = $1 for update', [workspace.tenantId]);
    const abort = new AbortController();
    const pending = client.call(
      request('conducktr_create_policy', { rule: { id: 'a', effect: 'deny' } }),
      { signal: abort.signal },
    );
    const read = new AbortController();
    read.abort();
    expect(
      await client.call(request('conducktr_list_policies'), { signal: read.signal }),
    ).toMatchObject({ outcome: 'not_sent' });
    abort.abort();
    await blocker.query('rollback');
    blocker.release();
    const { outcome, resultJson } = await pending;
    expect(outcome).toBe('ok');
    expect(parsed({ resultJson: resultJson! }).structuredContent).toMatchObject({ version: 1 });
  });

  it('that reads is answered when it is given up or takes too long', async () => {
    const client = await gateway();
    const blocker = await service.admin.pool.connect();
    await blocker.query('begin');
    await blocker.query('lock table policy in access exclusive mode');
    const abort = new AbortController();
    const given = client.call(request('conducktr_list_policies'), { signal: abort.signal });
    const slow = client.call({ ...request('conducktr_list_policies'), timeoutMs: 300 });
    expect(await slow).toMatchObject({ outcome: 'timeout' });
    abort.abort();
    expect(await given).toMatchObject({ outcome: 'cancelled' });
    await blocker.query('rollback');
    blocker.release();
  });

  it('has its outcome kept until a gateway says that it is durable', async () => {
    const lost = await gateway('gateway-lost', () => {});
    const call = request('conducktr_create_connection', linear);
    expect((await lost.call(call)).outcome).toBe('ok');
    lost.close();
    const late = Promise.withResolvers<LateOutcome[]>();
    const back = await gateway('gateway-lost', (outcomes) => late.resolve(outcomes));
    expect(await late.promise).toMatchObject([{ callId: call.callId, outcome: 'ok' }]);
    back.committed([call.callId]);
  });

  it('of a tool that is not there is an error, and so are arguments that do not fit', async () => {
    const client = await gateway();
    expect(await client.call(request('conducktr_drop_everything'))).toMatchObject({
      outcome: 'error',
      error: { code: -32_602 },
    });
    const wrong = parsed(await client.call(request('conducktr_list_policies', { limit: 0 })));
    expect(wrong).toMatchObject({
      isError: true,
      _meta: { 'conducktor/code': 'invalid_arguments' },
    });
    const nul = { connection: 'a\u0000b' };
    const refused = parsed(await client.call(request('conducktr_get_connection_health', nul)));
    expect(refused.content[0].text).toContain('NUL');
  });
});

describe('what is told', () => {
  const sealed = (seq: number, event: Record<string, unknown>) =>
    service.admin.withTenant(workspace.tenantId, async (tx) => {
      const row = {
        tenant_id: workspace.tenantId,
        seq,
        id: `evt_${seq}`,
        at: new Date(),
        ...event,
      };
      const columns = Object.keys(row);
      await tx.query(
        `insert into audit_event (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
        Object.values(row),
      );
    });
  beforeEach(async () => {
    let seq = 0;
    for (const { memberId, email } of [workspace.owner, workspace.member])
      for (const outcome of ['ok', 'error']) {
        const call = {
          call_id: newId('call'),
          member_id: memberId,
          actor: email,
          connection: 'linear',
        };
        await sealed(++seq, { ...call, kind: 'call', tool: 'linear_list', decision: 'allow' });
        const cost_micros = outcome === 'ok' ? 6_000_000 : 250_000;
        await sealed(++seq, {
          call_id: call.call_id,
          kind: 'outcome',
          outcome,
          duration_ms: 8,
          cost_micros,
        });
      }
    await service.admin.pool.query('insert into audit_head (tenant_id, next_seq) values ($1, $2)', [
      workspace.tenantId,
      seq + 1,
    ]);
    await post(service);
  });

  it('of usage is the workspace’s to an owner, and a member’s own to a member', async () => {
    const client = await gateway();
    const all = parsed(
      await client.call(request('conducktr_get_usage_stats', { groupBy: ['member'] })),
    ).structuredContent;
    expect(all).toMatchObject({ whose: 'workspace', totals: { calls: 4, errors: 2 } });
    expect(all.items.map(({ member }: Loose) => member).sort()).toEqual(
      [workspace.member.email, workspace.owner.email].sort(),
    );
    const own = parsed(
      await client.call(request('conducktr_get_usage_stats', {}, workspace.member)),
    ).structuredContent;
    expect(own).toMatchObject({
      whose: 'own',
      summary: 'Total: $6.25 (linear: $6.25)',
      items: [{ connection: 'linear', calls: 2, errors: 1, p50Ms: expect.closeTo(8, 0) }],
    });
  });

  it('of a connection’s health is its last test and how its calls went', async () => {
    const client = await gateway();
    const { structuredContent } = parsed(
      await client.call(request('conducktr_create_connection', linear)),
    );
    await sealed(100, {
      kind: 'control',
      actor: workspace.owner.email,
      detail: { action: 'connection.test', connectionId: structuredContent.id, status: 'ACTIVE' },
    });
    for (const connection of ['linear', structuredContent.id]) {
      const health = parsed(
        await client.call(request('conducktr_get_connection_health', { connection })),
      ).structuredContent;
      expect(health).toMatchObject({
        slug: 'linear',
        status: 'PENDING',
        lastTest: { status: 'ACTIVE', by: workspace.owner.email },
        last24h: { calls: 4, errors: 2, p50Ms: expect.closeTo(8, 0) },
      });
    }
  });

  it('of connections is no address beyond its host', async () => {
    const client = await gateway();
    const url = 'https://mcp.linear.app/mcp?key=hush-hush';
    await client.call(request('conducktr_create_connection', { ...linear, url }));
    const list = parsed(await client.call(request('conducktr_list_connections')));
    expect(list.structuredContent.connections).toMatchObject([
      { slug: 'linear', host: 'mcp.linear.app', tools: 0 },
    ]);
    expect(JSON.stringify(list)).not.toContain('hush-hush');
  });
});

describe('requests for approval', () => {
  it('are listed, read and decided by who may, as on the page; never by who asked', async () => {
    const client = await gateway();
    const desk = await openDesk(service);
    const ask = async (name: string, args: object, by: SeededMember) => {
      const answer = await client.call({
        ...request(`conducktr_${name}`, args, by),
        tenantId: desk.tenantId,
      });
      return parsed(answer);
    };
    const id = await waitingCall(service, desk, { args: { amount: 5 } });
    const long = await waitingCall(service, desk, { args: { text: 'x'.repeat(9_000) } });
    const { approvals } = (await ask('list_approvals', {}, desk.ann)).structuredContent;
    expect(approvals).toMatchObject([
      { id: long, arguments: null, mayDecide: true },
      { id, arguments: { amount: 5 }, requester: desk.member.email },
    ]);
    expect((await ask('get_approval', { id }, desk.ann)).structuredContent).toMatchObject({
      arguments: { amount: 5 },
      next: expect.stringContaining('0 of 1 from finance'),
      url: `${service.origin}/approvals/${id}`,
    });
    expect((await ask('get_approval', { id: long }, desk.ann)).structuredContent).toMatchObject({
      arguments: null,
      argumentsState: 'too_large',
    });
    for (const name of ['approve_request', 'approve_workflow_run', 'reject_request'])
      expect(await ask(name, { id }, desk.member)).toMatchObject({
        isError: true,
        content: [{ text: 'Permission denied: nobody decides about their own request.' }],
        _meta: { 'conducktor/code': 'policy_denied' },
      });
    expect(await ask('get_approval', { id }, desk.dan)).toMatchObject({
      isError: true,
      _meta: { 'conducktor/code': 'not_found' },
    });
    const approved = await ask('approve_workflow_run', { id, reason: 'Fine' }, desk.ann);
    expect(approved.structuredContent).toMatchObject({ id, status: 'approved' });
    const rejected = await ask('reject_request', { id: long, reason: 'No' }, desk.bob);
    expect(rejected.structuredContent).toMatchObject({ id: long, status: 'rejected' });
    expect((await ask('get_approval', { id: long }, desk.member)).structuredContent).toMatchObject({
      status: 'rejected',
      decidedReason: 'No',
      similar: [],
    });
    expect(await ask('approve_request', { id: long }, desk.ann)).toMatchObject({
      isError: true,
      content: [{ text: 'It was rejected already.' }],
      _meta: { 'conducktor/code': 'conflict' },
    });
  });
});
