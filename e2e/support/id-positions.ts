import { rawCall, rawMcp, rawPost } from '@conducktor/testing';
import { TAKES_TASKS } from './rows-of-every-kind.js';
import { ALLOW_ALL } from './world.js';

export interface Answer {
  status: number;
  text: string;
  /** What an answer may repeat, where that is more than the id. */
  sent?: string;
}

/** Asks with an id in one place that takes one. */
export type Position = (id: string) => Promise<Answer>;

interface Caller {
  publicUrl: string;
  mcp: string;
  /** An API key that is good for everything of its own workspace. */
  token: string;
  /** Slugs of a connection of the caller's, and of one of somebody else's. */
  own: string;
  foreign: string;
}

/** The gateway's places for an identifier: names, URIs, cursors, states, headers, sessions, paths. */
export function gatewayPositions({ publicUrl, mcp, token, own, foreign }: Caller): Position[] {
  const legacy = { token, era: 'legacy' } as const;
  const header = (name: string) => (id: string) =>
    rawPost(mcp, '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}', {
      token,
      headers: { 'mcp-protocol-version': '2025-06-18', [name]: encodeURIComponent(id) },
    });
  const params = (method: string, of: (id: string) => Record<string, unknown>) => (id: string) =>
    rawMcp(mcp, method, of(id), legacy);
  return [
    (id) => rawCall(mcp, id, { message: 'x' }, legacy),
    async (id) => {
      const sent = `${foreign}_${id}`;
      return { ...(await rawCall(mcp, sent, {}, legacy)), sent };
    },
    (id) => rawCall(mcp, `${own}_echo`, { message: 'x', id }, legacy),
    header('mcp-session-id'),
    header('x-conducktor-workspace'),
    header('idempotency-key'),
    header('last-event-id'),
    (id) => rawCall(`${mcp}/${encodeURIComponent(id)}`, 'echo', {}, legacy),
    params('resources/read', (id) => ({ uri: `${own}+${id}` })),
    params('prompts/get', (name) => ({ name })),
    params('tools/list', (cursor) => ({ cursor })),
    params('resources/list', (cursor) => ({ cursor })),
    params('completion/complete', (id) => ({
      ref: { type: 'ref/prompt', name: id },
      argument: { name: 'a', value: id },
    })),
    (id) =>
      rawMcp(
        mcp,
        'tools/call',
        { name: `${own}_echo`, arguments: { message: 'x' }, requestState: id, inputResponses: {} },
        { token },
      ),
    ...['tasks/get', 'tasks/cancel', 'tasks/update'].map(
      (method) => (taskId: string) =>
        rawMcp(
          mcp,
          method,
          { taskId, inputResponses: {} },
          { token, meta: TAKES_TASKS, headers: { 'mcp-name': headerOf(taskId) } },
        ),
    ),
    ...['get_approval', 'approve_request', 'reject_request'].map(
      (tool) => (id: string) =>
        rawCall(
          mcp,
          `conducktr_${tool}`,
          { id, ...(tool !== 'get_approval' && { reason: 'Fuzzed' }) },
          legacy,
        ),
    ),
    (id) => rawMcp(mcp, 'ping', {}, { ...legacy, id }),
    // Answers to questions that nobody asked this client.
    (id) =>
      rawPost(mcp, JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'accept' } }), { token }),
    (requestId) =>
      rawPost(
        mcp,
        JSON.stringify({
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: { requestId },
        }),
        { token },
      ),
    (id) =>
      begun(`${mcp}`, {
        headers: {
          ...bearer(token),
          accept: 'text/event-stream',
          'last-event-id': encodeURIComponent(id),
          'mcp-session-id': encodeURIComponent(id),
        },
      }),
    (id) =>
      begun(`${publicUrl}/messages?sessionId=${encodeURIComponent(id)}`, {
        method: 'POST',
        headers: { ...bearer(token), 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
      }),
    (id) =>
      begun(`${publicUrl}/.well-known/oauth-protected-resource/mcp/${encodeURIComponent(id)}`),
  ];
}

/**
 * Identifiers inside the bodies of the REST API, where a path holds none; no place that would keep one
 * under the caller's own, so that it came back later and looked like a leak.
 */
export function bodyPositions({ publicUrl, token }: Caller): Position[] {
  const post =
    (path: string, body: (id: string) => unknown, method = 'POST') =>
    (id: string) =>
      begun(`${publicUrl}/api/v1${path}`, {
        method,
        headers: { ...bearer(token), 'content-type': 'application/json' },
        body: JSON.stringify(body(id)),
      });
  return [
    post('/groups', (id) => ({ name: 'fuzzed', members: [id] })),
    post('/api-keys', (id) => ({ name: 'fuzzed', scopes: ['mcp:read'], memberId: id })),
    post('/freeze', (id) => ({ kind: 'connection', id, reason: 'fuzzed' })),
    post('/freeze', (id) => ({ kind: 'member', id, reason: 'fuzzed' })),
    post('/freeze', (id) => ({ kind: 'client', id, reason: 'fuzzed' })),
    ...['group', 'user', 'connection', 'tool'].map((kind) =>
      post('/budgets', (id) => ({ scope: { kind, id }, period: 'day', limitMicros: 1 })),
    ),
    ...['member', 'client', 'connection', 'tool'].map((kind) =>
      post('/limits', (id) => ({ scope: { kind, id }, allowances: [{ limit: 1, seconds: 1 }] })),
    ),
    post('/toolsets', (slug) => ({ slug, tools: ['mine_*'] })),
    post('/connections', (slug) => ({ slug, kind: 'mcp-stdio', catalog: slug })),
    post('/approval-delegations', (to) => ({ to, until: tomorrow() })),
    post('/policies/simulate', (member) => ({ document: ALLOW_ALL, member })),
    post('/policies/explain', (member) => ({ document: ALLOW_ALL, tool: 'mine_echo', member })),
    post('/policies/explain', (event) => ({ document: ALLOW_ALL, event })),
    post('/policies', (id) => ({ document: { version: 1, default: id, rules: [{ id }] } })),
  ];
}

/** Links, codes, tokens and flows of the pages and of OAuth. */
export function signInPositions({ publicUrl }: Caller): Position[] {
  const page = (path: string) => (id: string) => begun(publicUrl + path + encodeURIComponent(id));
  const form = (path: string, fields: (id: string) => Record<string, string>) => (id: string) =>
    begun(publicUrl + path, { method: 'POST', body: new URLSearchParams(fields(id)) });
  return [
    page('/invite?token='),
    page('/login/reset?token='),
    page('/verify?token='),
    page('/consent?flow='),
    page('/login?flow='),
    page('/oauth2/authorize/'),
    page('/oauth2/authorize?response_type=code&client_id='),
    page('/connections/'),
    page('/approvals/'),
    form('/oauth2/token', (code) => ({
      grant_type: 'authorization_code',
      client_id: 'chatgpt-mcp-client',
      code,
    })),
    form('/oauth2/token', (token) => ({
      grant_type: 'refresh_token',
      client_id: 'chatgpt-mcp-client',
      refresh_token: token,
    })),
    form('/oauth2/introspect', (token) => ({ client_id: 'chatgpt-mcp-client', token })),
    form('/oauth2/revoke', (token) => ({ client_id: 'chatgpt-mcp-client', token })),
    form('/invite', (token) => ({ token, decision: 'accept' })),
    form('/login/reset', (token) => ({ token, password: 'a new one for somebody else' })),
  ];
}

/** Any text as the value of a header, as 2026-07-28 writes it. */
const headerOf = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;

const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString();

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** The answer; of a stream only that it has begun: it would never end. */
async function begun(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    await response.body?.cancel();
    return { status: response.status, text: '' };
  }
  return {
    status: response.status,
    text: (await response.text()) + (response.headers.get('location') ?? ''),
  };
}
