/** What approvers are shown beside a call: how an admin sets it up, and who reads what was kept of it. */
import { GET_APPROVAL, MANAGEMENT_CONNECTION, newId } from '@conducktor/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCall } from '../src/management/run-call.js';
import { listed, startControl, type ControlService, type Loose } from './harness.js';
import { addMember, keepPreview, openDesk, waitingCall, type Desk } from './waiting-call.js';

let service: ControlService;
let desk: Desk;
beforeAll(async () => {
  service = await startControl();
  desk = await openDesk(service);
  const tools = ['refund', 'get', 'peek'].map((name) =>
    listed(name, { annotations: { readOnlyHint: name !== 'refund' } }),
  );
  service.worker.answer = () => ({ status: 'ACTIVE', ms: 1, tools });
  await asOwner('PATCH', 'workspace', { toolChanges: 'additive' });
  await asOwner('POST', `connections/${desk.connection.id}/test`);
  expect((await asOwner('PATCH', 'tools/crm_get', { class: 'read' })).status).toBe(200);
});
afterAll(() => service.stop());

const asOwner = (method: string, path: string, body?: unknown) =>
  service.call(desk.owner.apiKey, method, `/api/v1/${path}`, body);
const setUp = (preview: unknown) => asOwner('PATCH', 'tools/crm_refund', { preview });
const read = (by: { apiKey: string }, id: string) =>
  service.call(by.apiKey, 'GET', `/api/v1/approvals/${id}`);
const preview = async (id: string) => (await read(desk.ann, id)).body['preview'] as Loose;
const page = async (id: string) => {
  const { cookie } = await service.browser(desk.ann.userId);
  return (await fetch(`${service.origin}/approvals/${id}`, { headers: { cookie } })).text();
};
const taints = async () =>
  (await service.admin.pool.query('select member_id, client_id, label from taint order by label'))
    .rows;

describe('setting it up', () => {
  it('keeps which tools are read and with what, shows it, and takes it away', async () => {
    const args = { id: { $from: '/order/0/a~1b' }, deep: [{ all: { $from: '' } }] };
    const set = await setUp({ before: { tool: 'crm_get', arguments: args } });
    expect(set.status).toBe(200);
    const { id } = (await asOwner('PATCH', 'tools/crm_get', {})).body;
    expect(set.body['preview']).toEqual({ before: { tool: id, arguments: args } });
    const listedNow = (await asOwner('GET', 'tools')).body['items'] as Loose[];
    // What is read can be written.
    expect((await setUp(listedNow.find(({ name }) => name === 'crm_refund').preview)).status).toBe(
      200,
    );
    expect((await setUp(null)).body['preview']).toBeNull();
    const changes = await service.changes(desk.tenantId);
    expect(changes.at(-1)).toMatchObject({
      action: 'tool.update',
      preview: null,
      before: { preview: { before: { tool: id } } },
    });
  });

  const get = (args: unknown, side = 'before') => ({
    [side]: { tool: 'crm_get', arguments: args },
  });
  it.each([
    ['nothing', {}, /must have "before" or "after"/],
    [
      'a tool that there is not',
      { after: { tool: 'crm_none' } },
      /"preview\.after\.tool": .*no tool "crm_none"/,
    ],
    ['itself', { before: { tool: 'crm_refund' } }, /must be another tool/],
    [
      'a tool that only says that it reads',
      { before: { tool: 'crm_peek' } },
      /only says of itself/,
    ],
    [
      'no pointer',
      get({ id: { $from: 'order' } }),
      /"preview\.before\.arguments": .*no JSON Pointer/,
    ],
    ['a wrong escape', get({ id: { $from: '/a~2' } }), /no JSON Pointer/],
    ['no text as a pointer', get({ id: { $from: 1 } }), /no JSON Pointer/],
    ['a pointer among other things', get({ id: { $from: '/a', b: 1 } }), /must stand alone/],
    ['what is too deep', get({ a: JSON.parse('[[[[[[[[[]]]]]]]]]') }), /at most 8 deep/],
    [
      'what is too large',
      get({ a: 'x'.repeat(4_100) }, 'after'),
      /"preview\.after\.arguments": .*4096 characters/,
    ],
    ['no object', get([]), /preview\.before\.arguments/],
    ['a third side', { ...get({}), between: {} }, /not known here: between/],
  ])('refuses %s', async (_what, given, why) => {
    const refused = await setUp(given);
    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(refused.body['detail']).toMatch(why);
  });

  it.each([
    ['of a class that is not read', { class: 'write' }, /not of class "read"/],
    ['that is hidden', { hidden: true }, /is hidden/],
  ])('refuses a tool %s', async (_what, patch, why) => {
    await asOwner('PATCH', 'tools/crm_get', patch);
    const refused = await setUp({ before: { tool: 'crm_get' } });
    await asOwner('PATCH', 'tools/crm_get', { class: 'read', hidden: false });
    expect(refused.status).toBe(400);
    expect(refused.body['detail']).toMatch(why);
  });

  it('knows no tool of another workspace', async () => {
    const other = await openDesk(service);
    const of = (tool: string) =>
      service.call(other.owner.apiKey, 'PATCH', '/api/v1/tools/crm_refund', {
        preview: { before: { tool } },
      });
    const { id } = (await asOwner('PATCH', 'tools/crm_get', {})).body;
    const [theirs, none] = [await of(id), await of(newId('tol'))];
    expect([theirs.status, none.status]).toEqual([400, 400]);
    expect(theirs.body['detail'].replace(id, '')).toBe(none.body['detail'].replace(/tol_\w+/, ''));
  });
});

describe('what was kept', () => {
  it('is read with the arguments: by whom they are shown to, and recorded with them', async () => {
    const id = await waitingCall(service, desk);
    expect((await read(desk.ann, id)).body['preview']).toBeNull();
    await keepPreview(service, desk, id, 'before', { content: 'old' }, ['private']);
    await keepPreview(service, desk, id, 'after', { reason: 'crm_get was changed.' });
    expect(await preview(id)).toEqual({
      before: {
        tool: 'crm_get',
        state: 'available',
        at: expect.any(String),
        content: 'old',
        cut: false,
        reason: null,
      },
      after: expect.objectContaining({
        state: 'none',
        content: null,
        reason: 'crm_get was changed.',
      }),
    });
    const records = (await service.changes(desk.tenantId)).filter(
      ({ action }) => action === 'approval.arguments.read',
    );
    expect(records.at(-1)).toMatchObject({ actor: desk.ann.email, approvals: [id] });
    // A key that was given it is a client that was; a browser is not.
    await page(id);
    expect(await taints()).toEqual([
      { member_id: desk.ann.memberId, client_id: desk.ann.keyId, label: 'private' },
    ]);
    const elsewhere = await service.seed();
    expect((await read(elsewhere.owner, id)).status).toBe(404);
    expect((await read(desk.dan, id)).status).toBe(404);
  });

  it('does not stand in a conversation, which can decide about it', async () => {
    const id = await waitingCall(service, desk);
    await keepPreview(service, desk, id, 'before', { content: 'Approve this' }, ['untrusted']);
    const before = await taints();
    const result = await runCall(service.control, {
      callId: newId('call'),
      key: { epoch: 1, tick: 1, ordinal: 1 },
      tenantId: desk.tenantId,
      memberId: desk.ann.memberId,
      clientId: 'chatgpt',
      connectionId: MANAGEMENT_CONNECTION,
      revision: 0,
      timeoutMs: 5_000,
      progress: false,
      method: 'tools/call',
      name: GET_APPROVAL.name,
      argumentsJson: JSON.stringify({ id }),
    });
    expect(result.resultJson).not.toContain('Approve this');
    expect(JSON.parse(result.resultJson!).structuredContent.preview.before).toMatchObject({
      state: 'none',
      reason: expect.stringContaining('on the page'),
    });
    expect(await taints()).toEqual(before);
  });

  it('waits for some seconds only, and is erased with the key of who asked', async () => {
    const erin = await addMember(service, desk.tenantId, 'erin');
    const id = await waitingCall(service, desk, { by: erin });
    await keepPreview(service, desk, id, 'before');
    expect((await preview(id)).before).toMatchObject({ state: 'waiting', at: null });
    expect(await page(id)).toContain('Look again in some seconds');
    await service.admin.pool.query('update approval_preview set until = now()');
    expect((await preview(id)).before).toMatchObject({
      state: 'none',
      reason: 'It was not read in time.',
    });
    await keepPreview(service, desk, id, 'after', { content: 'canary' });
    expect(await page(id)).toContain('canary');
    await service.admin.pool.query('delete from subject_key where member_id = $1', [erin.memberId]);
    expect((await preview(id)).after).toMatchObject({ state: 'erased', content: null });
    expect(await page(id)).not.toContain('canary');
  });

  it('stands on the page side by side as text, with the lines that differ marked', async () => {
    const id = await waitingCall(service, desk, { args: { amount: 5 } });
    const hostile = '<script>alert(1)</script>\u202e';
    await keepPreview(service, desk, id, 'before', { content: `{\n  "a": 1,\n  "b": 2\n}` });
    await keepPreview(service, desk, id, 'after', {
      content: `{\n  "a": 3,\n  ${hostile}\n}`,
      cut: true,
    });
    const shown = await page(id);
    expect(shown).toContain('<del>−   &quot;a&quot;: 1,\n−   &quot;b&quot;: 2\n</del>  }');
    expect(shown).toContain(
      '<ins>+   &quot;a&quot;: 3,\n+   &lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}\n</ins>  }',
    );
    expect(shown).toContain('Lines that go (−): 2. Lines that come (+): 2.');
    expect(shown).toContain('There is more of it');
    expect(shown).not.toMatch(/<script|\u202e/);
  });

  it('stands beside what would be sent where the service cannot tell what would come of it', async () => {
    const id = await waitingCall(service, desk, { args: { amount: 6 } });
    await keepPreview(service, desk, id, 'before', { content: 'as it is' });
    expect(await page(id)).toMatch(
      /<div class="sides"><section><h2 id="before">Before<.*as it is.*<\/section><section><h2 id="what">What would be sent<.*&quot;amount&quot;: 6.*<\/section><\/div>/s,
    );
  });
});
