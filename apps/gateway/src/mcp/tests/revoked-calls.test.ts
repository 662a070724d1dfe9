// The event stream of a POST ends with the right to it; what was sent for it goes on to its end.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openEvents, type Events } from './support/events.js';
import { startGateway, type TestGateway } from './support/gateway.js';
import { beginSession, type LegacyClient } from './support/legacy-client.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ streamLimits: { perPrincipal: 1, total: 10 } });
});
afterAll(() => gateway.close());

const open: Events[] = [];
afterEach(() => {
  for (const events of open.splice(0)) events.close();
  gateway.governed.revoked.clear();
  gateway.governed.frozen.clear();
  gateway.governed.away = false;
  expect(gateway.faults.splice(0)).toEqual([]);
});

const post = async (
  name: string,
  args: Record<string, unknown>,
  headers: Record<string, string>,
  meta: Record<string, unknown> = {},
) => {
  const params = { name, arguments: args, _meta: { progressToken: 'p', ...meta } };
  const body = { jsonrpc: '2.0', id: 5, method: 'tools/call', params };
  const events = await openEvents(gateway.mcp, 'alice', headers, body);
  open.push(events);
  return events;
};
const inSession = ({ session }: LegacyClient) => ({
  'mcp-session-id': session,
  'mcp-protocol-version': '2025-11-25',
});
const modern = (name: string, args: Record<string, unknown>) =>
  post(
    name,
    args,
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name },
    {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  );
const lastCall = () => gateway.governed.calls.at(-1)!;
const ENDED = {
  jsonrpc: '2.0',
  id: 5,
  error: {
    code: -32001,
    message: 'Sign in again.',
    data: { _meta: { 'conducktor/code': 'unauthenticated' } },
  },
};
const STEPS = { steps: 40, pauseMs: 25 };

test.each(['legacy', 'modern'] as const)(
  'a revoked person hears no more progress and no result (%s)',
  async (era) => {
    const events =
      era === 'modern'
        ? await modern('t_progress', STEPS)
        : await post('t_progress', STEPS, inSession(await beginSession(gateway.mcp, 'alice')));
    await expect.poll(() => events.messages.length).toBeGreaterThan(2);
    const began = Date.now();
    gateway.governed.revoked.add('alice');
    await events.ended;
    expect(Date.now() - began).toBeLessThan(1_000);
    expect(events.messages.at(-1)).toEqual(ENDED);
    expect(events.messages.length).toBeLessThan(STEPS.steps);
    // It is neither cancelled nor answered twice.
    await expect.poll(() => lastCall().answered, { timeout: 30_000 }).toContain('done');
    expect(lastCall().input.signal.aborted).toBe(false);
  },
);

test.each(['legacy', 'modern'] as const)(
  'a frozen person is told so in the shape of a call, not sent to sign in (%s)',
  async (era) => {
    const events =
      era === 'modern'
        ? await modern('t_progress', STEPS)
        : await post('t_progress', STEPS, inSession(await beginSession(gateway.mcp, 'alice')));
    await expect.poll(() => events.messages.length).toBeGreaterThan(2);
    gateway.governed.frozen.add('alice');
    await events.ended;
    expect(events.messages.at(-1)).toMatchObject({
      id: 5,
      result: {
        isError: true,
        content: [{ text: 'Permission denied: frozen.' }],
        _meta: { 'conducktor/code': 'frozen' },
      },
    });
    await expect.poll(() => lastCall().answered, { timeout: 30_000 }).toContain('done');
  },
);

test('a question to a revoked person fails at once', async () => {
  const client = await beginSession(gateway.mcp, 'alice', { elicitation: {} });
  const events = await post('t_ask', {}, inSession(client));
  await expect.poll(() => events.messages).toHaveLength(1);
  gateway.governed.revoked.add('alice');
  await events.ended;
  expect(events.messages.at(-1)).toEqual(ENDED);
  await expect.poll(() => lastCall().answered).toContain('its access has ended');
  expect(gateway.sessions.waiting.size).toBe(0);
  expect(lastCall().input.signal.aborted).toBe(false);
});

test('a right that cannot be checked for a moment ends nothing', async () => {
  const events = await modern('t_progress', { steps: 28, pauseMs: 25 });
  gateway.governed.away = true;
  await events.ended;
  expect(events.messages.at(-1)).toMatchObject({ id: 5, result: { content: [{ text: 'done' }] } });
});

test('streams of requests are not among those that a person may have so many of', async () => {
  const calls = [await modern('t_progress', STEPS), await modern('t_progress', STEPS)];
  const listening = await openEvents(
    gateway.mcp,
    'alice',
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
    {
      jsonrpc: '2.0',
      id: 6,
      method: 'subscriptions/listen',
      params: {
        notifications: { toolsListChanged: true },
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    },
  );
  open.push(listening);
  expect([listening.status, listening.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream',
  ]);
  for (const call of calls) call.close();
});
