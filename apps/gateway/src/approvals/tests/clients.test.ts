// The official clients, each with what it can do while people decide about its call. Nobody is asked for
// a name: what differs is what they declare.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { TAKEN_BACK } from '@conducktor/contracts';
import { createTaskSessionFromClient } from '@modelcontextprotocol/ext-tasks/client';
import { isTaskStatusNotificationV2 } from '@modelcontextprotocol/ext-tasks/core/v2';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openEvents } from '../../mcp/tests/support/events.js';
import { startGateway, type TestGateway } from '../../mcp/tests/support/gateway.js';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

const INFO = { name: 'a client', version: '1' };
const TASKS = 'io.modelcontextprotocol/tasks';
const POLICY = {
  version: 1,
  default: 'allow',
  rules: [
    {
      id: 'ask',
      when: { tools: ['crm_*'] },
      effect: 'require_approval',
      approvers: { roles: ['admin'], label: 'Admin team' },
    },
  ],
};

let stack: GovernedStack;
let gateway: TestGateway;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  stack = await startGovernedStack({ approvalHoldMs: 300 });
  const id = await stack.connect('crm', { tools: {} }, ({ argumentsJson }) =>
    answered({ content: [{ type: 'text', text: `did ${argumentsJson}` }] }),
  );
  await stack.addTool(id, 'crm', 'delete', { proposed_class: 'destructive' });
  await stack.activate(POLICY);
  gateway = await startGateway({ mcp: stack.governed.mcp });
});
afterEach(async () => {
  for (const client of open.splice(0)) await client.close();
});
afterAll(async () => {
  await gateway?.close();
  await stack?.stop();
});

const bearer = (key = stack.people.member.apiKey) => ({ authorization: `Bearer ${key}` });
let calls = 0;
/** A call that nobody has made before. */
const newCall = () => ({ name: 'crm_delete', arguments: { n: ++calls } });
const did = ({ arguments: given }: ReturnType<typeof newCall>) => [
  { type: 'text', text: `did ${JSON.stringify(given)}` },
];
const decided = (status: 'approved' | 'rejected', reason: string | null = null) =>
  stack.admin.pool.query(
    `update approval_request set status = $1, decided_at = now(), decided_reason = $2 where status = 'pending'`,
    [status, reason],
  );
const newest = async () =>
  (
    await stack.admin.pool.query<{ id: string; status: string }>(
      'select id, status from approval_request order by created_at desc limit 1',
    )
  ).rows[0]!;
const textOf = (result: object) => (result as { content: { text: string }[] }).content[0]!.text;

async function modern(capabilities: object): Promise<Client> {
  const client = new Client(INFO, {
    capabilities,
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });
  const requestInit = { headers: bearer() };
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.mcp), { requestInit }));
  open.push(client);
  return client;
}

async function legacy(capabilities: object): Promise<ClientV1> {
  const client = new ClientV1(INFO, { capabilities });
  await client.connect(
    new TransportV1(new URL(gateway.mcp), { requestInit: { headers: bearer() } }) as never,
  );
  open.push(client);
  return client;
}

/** What audit was told of a request, besides its calls. */
const recordsOf = async (id: string) =>
  (
    await stack.admin.pool.query<{ record: object }>(
      `select record from audit_outbox where record ->> 'approval' = $1`,
      [id],
    )
  ).rows.map(({ record }) => record);

function requestOf(
  method: string,
  params: Record<string, unknown>,
  capabilities: object = { extensions: { [TASKS]: {} } },
) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  return { jsonrpc: '2.0', id: 1, method, params: { _meta, ...params } };
}

/** A request of 2026-07-28 as it stands on the wire; SDK clients leave tasks to `ext-tasks`. */
async function raw(
  method: string,
  params: Record<string, unknown>,
  { capabilities, key = bearer() }: { capabilities?: object; key?: Record<string, string> } = {},
) {
  const response = await fetch(gateway.mcp, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      'mcp-name': String(params['taskId'] ?? params['name']),
      ...key,
    },
    body: JSON.stringify(requestOf(method, params, capabilities)),
  });
  return (await response.json()) as {
    result?: Record<string, unknown>;
    error?: { code: number; message: string; data?: never };
  };
}

describe('a client with the tasks extension', () => {
  async function tasks() {
    const capabilities = { extensions: { [TASKS]: {} } };
    const session = createTaskSessionFromClient(await modern(capabilities), {
      endpointId: 'test',
      v2RequestFraming: {
        protocolVersion: '2026-07-28',
        clientInfo: INFO,
        clientCapabilities: capabilities,
      },
      rawDispatch: async (request) => {
        const { method, params } = request as { method: string; params: Record<string, unknown> };
        const { result, error } = await raw(method, params);
        return (error ? { kind: 'error', error } : { kind: 'result', result }) as never;
      },
    });
    open.push(session);
    return session;
  }

  test('gets a task at once, and the result of its call when that was approved and made', async () => {
    const call = newCall();
    const execution = await (await tasks()).callTool(call.name, call.arguments);
    const { id, status } = await newest();
    expect(status).toBe('pending');
    expect(execution).toMatchObject({ kind: 'task', handle: { taskId: id } });
    await decided('approved');
    const { outcome } = await execution.settle();
    expect(outcome).toMatchObject({ status: 'completed', result: { content: did(call) } });
    // As often as it asks.
    expect(await raw('tasks/get', { taskId: id })).toMatchObject({
      result: { status: 'completed', result: { resultType: 'complete', content: did(call) } },
    });
  });

  test('reads why it was rejected as the result of its call', async () => {
    const call = newCall();
    const execution = await (await tasks()).callTool(call.name, call.arguments);
    await decided('rejected', 'Not on a Sunday.');
    const { outcome } = await execution.settle();
    expect(outcome).toMatchObject({
      status: 'completed',
      result: {
        isError: true,
        content: [{ text: expect.stringContaining('Not on a Sunday.') }],
        _meta: { 'conducktor/code': 'approval_rejected' },
      },
    });
  });

  test('takes its request back by cancelling the task: it cannot be approved any more', async () => {
    const call = newCall();
    const execution = await (await tasks()).callTool(call.name, call.arguments);
    await execution.cancel();
    expect(await decided('approved')).toMatchObject({ rowCount: 0 });
    const { id } = await newest();
    expect(await raw('tasks/get', { taskId: id })).toMatchObject({
      result: { status: 'cancelled' },
    });
    // Once more is as good as once.
    expect(await raw('tasks/cancel', { taskId: id })).toMatchObject({
      result: { resultType: 'complete' },
    });
    expect(stack.calls.map(({ argumentsJson }) => argumentsJson)).not.toContain(
      JSON.stringify(call.arguments),
    );
    // On record once, as what the person did.
    const { member } = stack.people;
    expect(await recordsOf(id)).toEqual([
      expect.objectContaining({
        action: 'approval.cancel',
        memberId: member.memberId,
        actor: member.email,
        clientId: member.keyId,
        ofTool: 'crm_delete',
        rules: ['ask'],
      }),
    ]);
  });

  test('reads that it is cancelled when the person took it back elsewhere, and completed when it is void', async () => {
    for (const [reason, status] of [
      [TAKEN_BACK, 'cancelled'],
      ['The policy of this workspace was changed.', 'completed'],
    ]) {
      const taskId = (await raw('tools/call', newCall())).result!['taskId'] as string;
      await stack.admin.pool.query(
        `update approval_request set status = 'void', decided_at = now(), decided_reason = $2 where id = $1`,
        [taskId, reason],
      );
      const { result } = await raw('tasks/get', { taskId });
      expect(result).toMatchObject({ status, statusMessage: reason });
      expect('result' in result!).toBe(status === 'completed');
    }
  });

  test('is given no task for what it asked at another address: there it could not be read', async () => {
    const capabilities = { extensions: { [TASKS]: {} } };
    const { name, arguments: args } = newCall();
    const first = await stack.call(name, args, { capabilities });
    expect(first).toMatchObject({ result: { resultType: 'task' } });
    const other = await stack.call('delete', args, { capabilities, resourcePath: '/mcp/crm' });
    expect(other).toMatchObject({
      result: { isError: true, _meta: { 'conducktor/approvalId': (await newest()).id } },
    });
    await decided('rejected');
  });

  test('has no task any more once the arguments of its call are erased', async () => {
    const taskId = (await raw('tools/call', newCall())).result!['taskId'] as string;
    await decided('rejected');
    expect(await raw('tasks/get', { taskId })).toMatchObject({ result: { status: 'completed' } });
    await stack.admin.pool.query(
      "update approval_request set arguments_sealed = '' where id = $1",
      [taskId],
    );
    expect(await raw('tasks/get', { taskId })).toMatchObject({
      error: { code: -32_602, message: `Unknown task: ${taskId}` },
    });
  });

  test('leaves on record what a gateway ended because its time was over, and that nobody did it', async () => {
    const taskId = (await raw('tools/call', newCall())).result!['taskId'] as string;
    await stack.admin.pool.query('update approval_request set expires_at = now() where id = $1', [
      taskId,
    ]);
    await expect
      .poll(() => recordsOf(taskId))
      .toEqual([
        expect.objectContaining({ action: 'approval.expire', actor: 'gateway', approval: taskId }),
      ]);
  });

  test('is told of its task as that changes, with the same that it would read', async () => {
    const call = newCall();
    const { taskId } = (await raw('tools/call', call)).result as { taskId: string };
    const unknown = 'apr_0000000000000000000000';
    const { messages, ended } = await openEvents(
      gateway.mcp,
      stack.people.member.apiKey,
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
      requestOf('subscriptions/listen', { notifications: { taskIds: [taskId, unknown] } }),
    );
    await expect.poll(() => messages.length).toBe(2);
    await decided('approved');
    await ended;
    expect(messages[0]!.params).toMatchObject({ notifications: { taskIds: [taskId] } });
    expect(messages.slice(1, -1).every(({ method }) => method === 'notifications/tasks')).toBe(
      true,
    );
    const [first, last] = [messages[1]!.params!, messages.at(-2)!.params!];
    expect(isTaskStatusNotificationV2(messages[1])).toBe(true);
    expect(first).toMatchObject({ taskId, status: 'working' });
    const { _meta, ...told } = last;
    expect(_meta).toEqual({ 'io.modelcontextprotocol/subscriptionId': 1 });
    expect(told).toMatchObject({ status: 'completed', result: { content: did(call) } });
    const { result } = await raw('tasks/get', { taskId });
    expect(result).toMatchObject(told);
  });

  test('learns nothing of another’s task, nor does one that declares no tasks', async () => {
    const { result } = await raw('tools/call', newCall());
    const taskId = result!['taskId'] as string;
    expect(result).toMatchObject({
      resultType: 'task',
      status: 'working',
      pollIntervalMs: expect.any(Number),
      ttlMs: expect.any(Number),
      _meta: { 'conducktor/code': 'approval_required', 'conducktor/approvalId': taskId },
    });
    // A day for people, and an hour for the result; two clocks have a say in it.
    expect(Math.abs((result!['ttlMs'] as number) - 25 * 3_600_000)).toBeLessThan(60_000);
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const params = { taskId, inputResponses: {} };
      const other = await raw(method, params, { key: bearer(stack.people.owner.apiKey) });
      const none = await raw(method, { ...params, taskId: 'apr_none' });
      expect(other.error).toEqual({
        ...none.error,
        message: none.error!.message.replace('apr_none', taskId),
      });
      expect(other.error).toMatchObject({ code: -32_602 });
      expect(await raw(method, params, { capabilities: {} })).toMatchObject({
        error: { code: -32_021, data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } },
      });
    }
    expect((await newest()).status).toBe('pending');
    await decided('rejected');
  });
});

describe('a client that can be shown a page', () => {
  const withUrl = { elicitation: { url: {} } };

  test('shows its person the approval, and comes back for the result', async () => {
    const call = newCall();
    const client = await modern(withUrl);
    const shown: unknown[] = [];
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      shown.push(params);
      await decided('approved');
      return { action: 'accept' };
    });
    expect(await client.callTool(call)).toMatchObject({ content: did(call) });
    expect(shown).toEqual([
      expect.objectContaining({
        mode: 'url',
        url: `https://mcp.example.test/approvals/${(await newest()).id}`,
        message: expect.stringMatching(/^Approval required\. Request sent to Admin team\./),
      }),
    ]);
  });

  test('is shown it once, and told in words when nobody has decided by then', async () => {
    const client = await modern(withUrl);
    let shown = 0;
    client.setRequestHandler('elicitation/create', async () => {
      shown++;
      return { action: shown === 1 ? 'accept' : 'decline' };
    });
    const call = newCall();
    for (const times of [1, 2]) {
      const told = await client.callTool(call);
      expect(told.isError).toBe(true);
      expect(told.structuredContent).toBeUndefined();
      expect(textOf(told)).toMatch(/^Approval required\./);
      expect(shown).toBe(times);
    }
    await decided('rejected');
  });

  test('of 2025-11-25 gets the address as the error of that revision, and calls again', async () => {
    const call = newCall();
    const client = await legacy(withUrl);
    const refused = await client.callTool(call).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UrlElicitationRequiredError);
    const { id } = await newest();
    expect((refused as UrlElicitationRequiredError).elicitations).toMatchObject([
      { mode: 'url', elicitationId: id, url: `https://mcp.example.test/approvals/${id}` },
    ]);
    expect(textOf(await client.callTool(call))).toMatch(/^Approval required\./);
    await decided('approved');
    await expect.poll(() => client.callTool(call)).toMatchObject({ content: did(call) });
  });
});

describe.each([
  ['of 2026-07-28', modern],
  ['of 2025-11-25', legacy],
] as const)('a client %s that declares nothing', (_era, connect) => {
  test('is held, told in words, and given the result when it calls again', async () => {
    const call = newCall();
    const client = (await connect({})) as Client;
    const told = await client.callTool(call);
    expect(told).toMatchObject({ isError: true });
    expect(textOf(told)).toContain((await newest()).id);
    await decided('approved');
    await expect.poll(() => client.callTool(call)).toMatchObject({ content: did(call) });
  });
});
