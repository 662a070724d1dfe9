import { approvalBacklog } from '@conducktor/approvals';
import type { SeededMember } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startControl, type ControlService, type Loose } from './harness.js';
import { addMember, openDesk, waitingCall, type Desk, type WaitingCall } from './waiting-call.js';

let service: ControlService;
let desk: Desk;
/** The member's own key has no scope for this API. */
let requester: SeededMember;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  desk = await openDesk(service);
  requester = await addMember(service, desk.tenantId, 'rita', { groups: ['finance'] });
});

const wait = (call: WaitingCall = {}) => waitingCall(service, desk, { by: requester, ...call });
const api = (by: SeededMember, method: string, path: string, body?: unknown) =>
  service.call(by.apiKey, method, `/api/v1/${path}`, body);
const read = (by: SeededMember, id: string) => api(by, 'GET', `approvals/${id}`);
const approve = (by: SeededMember, id: string, reason = '') =>
  api(by, 'POST', `approvals/${id}/approve`, { reason });
const reject = (by: SeededMember, id: string, reason = '') =>
  api(by, 'POST', `approvals/${id}/reject`, { reason });
const ids = async (by: SeededMember, query = '') =>
  (await api(by, 'GET', `approvals${query}`)).body['items'].map(({ id }: Loose) => id);
const sql = (text: string, ...values: unknown[]) =>
  service.admin.pool.query(text, [desk.tenantId, ...values]);
const actions = async (begin: string) =>
  (await service.changes(desk.tenantId)).filter(({ action }) => action.startsWith(begin));

describe('a call that waits', () => {
  it('is read with what it would send, who asked, by which rule, what it costs and until when', async () => {
    const args = { amount: 700, to: '<b>' };
    const id = await wait({ args, costMicros: 2_000, message: 'Refunds need a second look' });
    const page = await api(desk.ann, 'GET', 'approvals?status=pending');
    expect(page.body['items']).toEqual([
      {
        id,
        status: 'pending',
        tool: 'crm_refund',
        connection: 'crm',
        class: desk.tool.class,
        arguments: args,
        argumentsState: 'available',
        argumentsHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        requester: requester.email,
        requesterId: requester.memberId,
        client: 'chatgpt',
        clientName: 'k',
        rule: 'rule-1',
        demands: [
          {
            rule: 'rule-1',
            sentTo: 'finance',
            needed: 1,
            given: 0,
            message: 'Refunds need a second look',
          },
        ],
        votes: [],
        costMicros: 2_000,
        onApproval: 'run',
        createdAt: expect.any(String),
        expiresAt: expect.any(String),
        decidedAt: null,
        decidedReason: null,
        callId: null,
        outcome: null,
        mayDecide: true,
        url: `${service.origin}/approvals/${id}`,
      },
    ]);
    expect((await read(desk.ann, id)).body).toMatchObject({ id, arguments: args, similar: [] });
  });

  it('is seen by who asked, who may decide, their delegates, owners and admins, and is not there for others', async () => {
    const id = await wait();
    for (const by of [requester, desk.ann, desk.owner]) {
      expect(await ids(by)).toEqual([id]);
      expect((await read(by, id)).status).toBe(200);
    }
    const auditor = await addMember(service, desk.tenantId, 'aud', { roles: ['auditor'] });
    for (const by of [desk.dan, auditor]) {
      expect(await ids(by)).toEqual([]);
      for (const answer of [await read(by, id), await approve(by, id), await reject(by, id)])
        expect(answer.body).toMatchObject({ status: 404, code: 'not_found' });
    }
    const until = new Date(Date.now() + 60_000).toISOString();
    await api(desk.ann, 'POST', 'approval-delegations', { to: desk.dan.email, until });
    expect(await ids(desk.dan, '?whose=decide')).toEqual([id]);
    expect(await ids(requester, '?whose=decide')).toEqual([]);
    expect(await ids(requester, '?whose=mine')).toEqual([id]);
  });

  it('is counted for operators until it is over, of all workspaces', async () => {
    await service.admin.pool.query(
      "update approval_request set status = 'rejected' where call_id is null",
    );
    const counted = () => approvalBacklog(service.control.db);
    const none = { pending: 0, approved: 0, running: 0, pendingSeconds: 0, unmadeSeconds: 0 };
    expect(await counted()).toEqual(none);
    const id = await wait();
    await sql(
      "update approval_request set created_at = now() - interval '1 hour' where tenant_id = $1",
    );
    expect(await counted()).toEqual({
      ...none,
      pending: 1,
      pendingSeconds: expect.closeTo(3_600, -2),
    });
    await approve(desk.ann, id);
    await sql(
      "update approval_request set decided_at = now() - interval '10 min' where tenant_id = $1",
    );
    const unmade = { ...none, unmadeSeconds: expect.closeTo(600, -2) };
    expect(await counted()).toEqual({ ...unmade, approved: 1 });
    await sql("update approval_request set status = 'running', call_id = id where tenant_id = $1");
    expect(await counted()).toEqual({ ...unmade, running: 1 });
    await sql("update approval_request set status = 'done' where tenant_id = $1");
    expect(await counted()).toEqual(none);
  });

  it('is listed newest first, page by page, by its state of this moment', async () => {
    const late = await wait({ expiresInMs: -1 });
    const made = [await wait(), await wait(), await wait()].reverse();
    expect(await ids(desk.ann, '?status=pending')).toEqual(made);
    expect(await ids(desk.ann, '?status=expired')).toEqual([late]);
    const first = await api(desk.ann, 'GET', 'approvals?limit=2');
    const cursor = encodeURIComponent(first.body['nextCursor']);
    const rest = await api(desk.ann, 'GET', `approvals?limit=2&cursor=${cursor}`);
    const seen = [...first.body['items'], ...rest.body['items']].map(({ id }: Loose) => id);
    expect(seen).toEqual([...made, late]);
    expect(rest.body['nextCursor']).toBeNull();
    expect((await api(desk.ann, 'GET', 'approvals?cursor=MSAy')).status).toBe(400);
  });

  it('shows its arguments with a record of who was shown them, and none of what was never shown', async () => {
    const large = await wait({ args: { text: 'canary'.repeat(8_000) } });
    const erased = await wait({ by: desk.contractor });
    await sql(
      'delete from subject_key where tenant_id = $1 and member_id = $2',
      desk.contractor.memberId,
    );
    const states = (await api(desk.ann, 'GET', 'approvals')).body['items'].map(
      ({ argumentsState, arguments: given }: Loose) => [argumentsState, given],
    );
    expect(states).toEqual([
      ['erased', null],
      ['too_large', null],
    ]);
    expect(await actions('approval.arguments')).toEqual([]);
    expect((await read(desk.ann, large)).body['arguments'].text).toHaveLength(48_000);
    await read(requester, large);
    const records = await actions('approval.arguments');
    expect(records).toMatchObject([{ actor: desk.ann.email, approvals: [large] }]);
    expect(JSON.stringify(records)).not.toContain('canary');
    expect((await read(desk.ann, erased)).body['argumentsState']).toBe('erased');
    const broken = await wait();
    await sql(
      "update approval_request set arguments_sealed = 'x' where tenant_id = $1 and id = $2",
      broken,
    );
    expect(await ids(desk.ann)).toEqual([broken, erased, large]);
  });
});

describe('a decision', () => {
  it('approves, tells what happens next, and is recorded without the arguments', async () => {
    const id = await wait({ args: { note: 'canary-7' } });
    const answer = await approve(desk.ann, id, 'Checked the invoice');
    expect(answer.body).toEqual({
      id,
      status: 'approved',
      next: 'Approved. The call is made now, once, and the person who asked is given its result.',
    });
    expect((await read(requester, id)).body).toMatchObject({
      status: 'approved',
      decidedReason: 'Checked the invoice',
      votes: [
        { by: desk.ann.email, inPlaceOf: null, vote: 'approve', reason: 'Checked the invoice' },
      ],
      similar: [],
    });
    const records = await actions('approval.approve');
    expect(records).toMatchObject([
      {
        actor: desk.ann.email,
        approval: id,
        ofMember: requester.memberId,
        ofTool: 'crm_refund',
        rules: ['rule-1'],
        status: 'approved',
        reason: 'Checked the invoice',
      },
    ]);
    expect(JSON.stringify(records)).not.toContain('canary-7');
    const told = await sql(
      'select kind from notification_event where tenant_id = $1 order by kind',
    );
    expect(told.rows).toEqual([{ kind: 'approval.approved' }, { kind: 'approval.requested' }]);
  });

  it('rejects with one voice, whose reason the person who asked reads', async () => {
    const id = await wait({ approvers: [{ count: 3 }] });
    expect((await reject(desk.ann, id, 'Wrong customer')).body).toMatchObject({
      status: 'rejected',
    });
    expect((await read(requester, id)).body).toMatchObject({
      status: 'rejected',
      decidedReason: 'Wrong customer',
    });
    const late = await approve(desk.bob, id);
    expect(late.body).toMatchObject({
      status: 409,
      code: 'conflict',
      detail: 'It was rejected already.',
    });
  });

  it('takes as many different people as each rule wants', async () => {
    const id = await wait({
      approvers: [{ count: 2, label: 'Finance desk' }, { roles: ['owner'] }],
    });
    const first = await approve(desk.ann, id);
    expect(first.body).toMatchObject({
      status: 'pending',
      next: 'Your approval is recorded. Nothing is sent yet: so far 1 of 2 from Finance desk.',
    });
    expect((await approve(desk.ann, id)).body).toMatchObject({
      status: 409,
      detail: 'You have voted on this request already.',
    });
    expect(await ids(desk.ann, '?whose=decide')).toEqual([]);
    expect((await approve(desk.bob, id)).body).toMatchObject({ status: 'approved' });
  });

  it('is never by who asked, whatever their roles, nor by who stands in for them', async () => {
    await sql(
      "update member set roles = '{owner}' where tenant_id = $1 and id = $2",
      requester.memberId,
    );
    const id = await wait({ approvers: [{ roles: ['owner'] }] });
    expect((await approve(requester, id)).body).toMatchObject({
      status: 403,
      detail: 'Permission denied: nobody decides about their own request.',
    });
    expect((await read(requester, id)).body['mayDecide']).toBe(false);
    const until = new Date(Date.now() + 60_000).toISOString();
    await api(requester, 'POST', 'approval-delegations', { to: desk.ann.email, until });
    expect((await approve(desk.ann, id)).status).toBe(404);
    await api(requester, 'POST', 'approval-delegations', { to: desk.owner.email, until });
    expect((await approve(desk.owner, id)).body).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await read(desk.owner, id)).body).toMatchObject({ status: 'pending' });
  });

  it('is not with a key that somebody else has made, through whomever', async () => {
    const boss = await addMember(service, desk.tenantId, 'boss', {
      roles: ['owner'],
      groups: ['finance'],
    });
    const adam = await addMember(service, desk.tenantId, 'adam', { roles: ['admin'] });
    const made = async (by: SeededMember, memberId: string) => {
      const key = { name: 'handy', memberId, scopes: ['admin', 'mcp:write'] };
      const { body } = await api(by, 'POST', 'api-keys', key);
      return { apiKey: body['key'], keyId: body['id'] };
    };
    const asAdam = { ...adam, ...(await made(boss, adam.memberId)) };
    const behindTwo = { name: 'handy', memberId: desk.ann.memberId, scopes: ['mcp:write'] };
    expect((await api(asAdam, 'POST', 'api-keys', behindTwo)).status).toBe(403);
    const asAnn = { ...desk.ann, ...(await made(adam, desk.ann.memberId)) };
    const id = await wait({ approvers: [{ count: 2 }] });
    expect((await approve(boss, id)).body).toMatchObject({ status: 'pending' });
    const answer = await approve(asAnn, id);
    expect(answer.body).toMatchObject({ status: 403, code: 'forbidden' });
    expect(answer.body['detail']).toContain('somebody else made the API key');
    const until = new Date(Date.now() + 60_000).toISOString();
    const given = await api(asAnn, 'POST', 'approval-delegations', { to: desk.dan.email, until });
    expect(given.status).toBe(403);
    // Nor does who made the key decide what is asked with it.
    const asked = await wait({ by: { ...desk.ann, ...(await made(boss, desk.ann.memberId)) } });
    expect((await read(boss, asked)).body).toMatchObject({ mayDecide: false, similar: [] });
    expect((await approve(boss, asked)).body['detail']).toContain('you made the API key');
    expect((await approve(desk.bob, asked)).body).toMatchObject({ status: 'approved' });
    expect((await approve(desk.ann, id)).body).toMatchObject({ status: 'approved' });
  });

  it('is an owner’s only where a rule names them', async () => {
    const id = await wait();
    expect((await approve(desk.owner, id)).body).toMatchObject({
      status: 403,
      detail: 'Permission denied: this request went to finance.',
    });
  });

  it('at the same moment of two people counts both, and only one of them ends it', async () => {
    const two = await wait({ approvers: [{ count: 2 }] });
    const both = await Promise.all([approve(desk.ann, two), approve(desk.bob, two)]);
    expect(both.map(({ body }) => body['status']).sort()).toEqual(['approved', 'pending']);
    const one = await wait();
    const split = await Promise.all([approve(desk.ann, one), reject(desk.bob, one)]);
    expect(split.map(({ status }) => status).sort()).toEqual([200, 409]);
    const [{ status, votes }] = (
      await sql(
        `select r.status, (select count(*)::int from approval_vote v where v.request_id = r.id) as votes
           from approval_request r where tenant_id = $1 and id = $2`,
        one,
      )
    ).rows;
    const won = split.find((answer) => answer.status === 200)!.body;
    expect({ status, votes }).toEqual({ status: won['status'], votes: 1 });
  });

  it('comes too late after its time, and then that is what became of it', async () => {
    const id = await wait({ expiresInMs: -1 });
    for (let twice = 0; twice < 2; twice++)
      expect((await approve(desk.ann, id)).body).toMatchObject({
        status: 409,
        detail: 'Nobody decided in time: this request has expired.',
      });
    const { rows } = await sql('select status from approval_request where tenant_id = $1');
    expect(rows).toEqual([{ status: 'expired' }]);
    expect(await actions('approval.expire')).toHaveLength(1);
    const told = await sql(
      "select from notification_event where tenant_id = $1 and kind = 'approval.expired'",
    );
    expect(told.rowCount).toBe(1);
  });

  it.each([
    ['another policy is active', 'update tenant set active_policy = null where id = $1', /policy/],
    [
      'the connection changed',
      'update connection set revision = revision + 1 where tenant_id = $1',
      /connection was changed/,
    ],
    [
      'the tool says something else',
      "update tool set definition_hash = '\\x00' where tenant_id = $1",
      /definition/,
    ],
    [
      'the tool is of another class',
      "update tool set class_override = case proposed_class when 'read' then 'write' else 'read' end where tenant_id = $1",
      /class/,
    ],
    [
      'the tool is gone',
      'update tool set removed_at = now() where tenant_id = $1',
      /not there any more/,
    ],
    [
      'the key was revoked',
      "update api_key set revoked_at = now() where tenant_id = $1 and member_id in (select id from member where email like 'rita@%')",
      /revoked/,
    ],
    [
      'who asked is gone',
      "update member set disabled_at = now() where tenant_id = $1 and email like 'rita@%'",
      /no access/,
    ],
  ])('approves nothing that is not as it was asked: %s', async (_what, change, why) => {
    const id = await wait();
    await sql(change);
    const answer = await approve(desk.ann, id);
    expect(answer.status).toBe(409);
    expect(answer.body['detail']).toMatch(why);
    const { rows } = await sql(
      'select status, decided_reason from approval_request where tenant_id = $1',
    );
    expect(rows).toEqual([{ status: 'void', decided_reason: expect.stringMatching(why) }]);
  });

  it('is taken back by who asked, until the call is made', async () => {
    const id = await wait();
    expect((await api(desk.ann, 'POST', `approvals/${id}/cancel`)).status).toBe(403);
    await approve(desk.ann, id);
    expect((await api(requester, 'POST', `approvals/${id}/cancel`)).body).toMatchObject({
      status: 'void',
    });
    expect((await api(requester, 'POST', `approvals/${id}/cancel`)).status).toBe(409);
    const running = await wait();
    await sql(
      "update approval_request set status = 'running', call_id = 'call_1' where tenant_id = $1 and id = $2",
      running,
    );
    expect((await api(requester, 'POST', `approvals/${running}/cancel`)).status).toBe(409);
  });
});

describe('a delegate', () => {
  const until = () => new Date(Date.now() + 60_000).toISOString();

  it('votes in the place of who is named, once for both of them', async () => {
    const made = await api(desk.ann, 'POST', 'approval-delegations', {
      to: desk.dan.memberId,
      until: until(),
    });
    expect(made.body).toMatchObject({ from: desk.ann.email, to: desk.dan.email });
    const id = await wait({ approvers: [{ count: 2 }] });
    expect((await approve(desk.dan, id)).body).toMatchObject({ status: 'pending' });
    expect((await approve(desk.ann, id)).body['detail']).toMatch(/used already/);
    expect((await read(desk.bob, id)).body['votes']).toMatchObject([
      { by: desk.dan.email, inPlaceOf: desk.ann.email },
    ]);
    expect((await approve(desk.bob, id)).body).toMatchObject({ status: 'approved' });
    expect(await actions('approval.approve')).toMatchObject([
      { actor: desk.dan.email, inPlaceOf: desk.ann.memberId },
      { actor: desk.bob.email },
    ]);
  });

  it('is listed and ended by both sides, and by owners and admins, and by nobody else', async () => {
    const make = async () =>
      (await api(desk.ann, 'POST', 'approval-delegations', { to: desk.dan.email, until: until() }))
        .body['id'];
    for (const by of [desk.ann, desk.dan, desk.owner]) {
      const id = await make();
      const list = (await api(by, 'GET', 'approval-delegations')).body['items'];
      expect(list.map((each: Loose) => each.id)).toEqual([id]);
      expect((await api(desk.bob, 'DELETE', `approval-delegations/${id}`)).status).toBe(404);
      expect((await api(desk.bob, 'GET', 'approval-delegations')).body['items']).toEqual([]);
      expect((await api(by, 'DELETE', `approval-delegations/${id}`)).status).toBe(204);
    }
    expect(await actions('approval-delegation')).toHaveLength(6);
  });

  it('there are twenty of for one person, also when they are named at the same moment', async () => {
    const made = await Promise.all(
      Array.from({ length: 24 }, () =>
        api(desk.ann, 'POST', 'approval-delegations', { to: desk.dan.email, until: until() }),
      ),
    );
    expect(made.map(({ status }) => status).sort()).toEqual([
      ...Array(20).fill(201),
      ...Array(4).fill(409),
    ]);
  });

  it.each([
    ['oneself', () => ({ to: desk.ann.email, until: until() }), 400],
    ['everybody', () => ({ to: '%%%', until: until() }), 404],
    ['nobody', () => ({ to: 'nobody@example.com', until: until() }), 404],
    ['the past', () => ({ to: desk.dan.email, until: '2020-01-01T00:00:00Z' }), 400],
    ['for ever', () => ({ to: desk.dan.email, until: '2999-01-01T00:00:00Z' }), 400],
  ])('is not %s', async (_what, body, status) => {
    expect((await api(desk.ann, 'POST', 'approval-delegations', body())).status).toBe(status);
  });
});

it('similar calls that one may see come with how they were decided and how alike they are, and without their arguments', async () => {
  const alike = await wait({ args: { amount: 5, to: 'x', canary: 'canary-1' } });
  await approve(desk.bob, alike, 'Fine');
  const other = await wait({ by: desk.contractor, args: { amount: 9 } });
  await reject(desk.ann, other, 'Too much');
  const elsewhere = await wait({ approvers: [{ group: 'none', users: [desk.dan.email] }] });
  await reject(desk.dan, elsewhere, 'Nothing of hers');
  await wait({ args: { waits: true } });
  const id = await wait({ args: { amount: 5, to: 'x' } });
  const { body, text } = await read(desk.ann, id);
  expect(body['similar']).toMatchObject([
    { id: alike, status: 'approved', decidedBy: [desk.bob.email], reason: 'Fine', likeness: 0.67 },
    { id: other, status: 'rejected', requester: desk.contractor.email, likeness: 0 },
  ]);
  expect(text).not.toContain('canary-1');
  const all = (await read(desk.owner, id)).body['similar'].map((each: Loose) => each.id);
  expect(all.sort()).toEqual([alike, other, elsewhere].sort());
  expect((await read(requester, id)).body['similar']).toEqual([]);
});
