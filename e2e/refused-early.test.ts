// What is refused before anything of its meaning is looked at, and the addresses of the contract.
import { rawMcp, rawPost } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWorld, type World } from './support/world.js';

let world: World;
let token: string;
beforeAll(async () => {
  world = await openWorld();
  token = world.workspace.member.apiKey;
});
afterAll(() => world.close());

const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}';
const legacy = { 'mcp-protocol-version': '2025-06-18' };

test.each<[string, string, Record<string, string>, number, number | undefined]>([
  ['malformed JSON', '{"jsonrpc":', {}, 400, -32700],
  ['not JSON-RPC', '{"hello":1}', {}, 400, -32600],
  ['a batch', `[${LIST},${LIST}]`, {}, 400, -32600],
  ['a duplicate key', LIST.replace('"id":1', '"id":1,"id":2'), {}, 400, undefined],
  ['another content type', LIST, { 'content-type': 'text/plain' }, 415, undefined],
  ['over 2 MiB', `{"x":"${'a'.repeat(2 * 1024 * 1024)}"}`, {}, 413, undefined],
])('%s', async (_name, body, headers, status, code) => {
  const before = world.upstream.requests.length;
  const answer = await rawPost(world.mcp, body, { token, headers: { ...legacy, ...headers } });
  expect(answer.status).toBe(status);
  if (code !== undefined) expect(answer.message?.error?.code).toBe(code);
  expect(world.upstream.requests.length).toBe(before);
});

test('a modern request whose headers disagree with its body: 400 −32020', async () => {
  const params = { name: 'rec_delete_note', arguments: { note: 'x' } };
  const answer = await rawMcp(world.mcp, 'tools/call', params, {
    token,
    headers: { 'mcp-name': 'rec_echo' },
  });
  expect([answer.status, answer.message?.error?.code]).toEqual([400, -32020]);
  expect(world.upstream.calls).toEqual([]);
});

test('an Origin and a Host that are not ours are refused', async () => {
  const origin = await rawPost(world.mcp, LIST, {
    token,
    headers: { ...legacy, origin: 'https://attacker.example' },
  });
  expect(origin.status).toBe(403);
  const allowed = await fetch(world.mcp, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://chatgpt.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, mcp-protocol-version',
    },
  });
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://chatgpt.com');
});

describe('addresses of the contract', () => {
  test.each(['/mcp', '/api/conducktor-mcp', '/api/mcp/sse', '/messages', '/sse'])(
    'POST %s takes JSON-RPC',
    async (path) => {
      const answer = await rawMcp(
        `${world.stack.publicUrl}${path}`,
        'tools/list',
        {},
        {
          token,
          era: 'legacy',
        },
      );
      expect(answer.status).toBe(200);
      expect(answer.message?.result?.tools).toBeInstanceOf(Array);
    },
  );

  test.each(['/healthz', '/health'])('GET %s answers exactly {"status":"ok"}', async (path) => {
    expect(await (await fetch(world.stack.publicUrl + path)).text()).toBe('{"status":"ok"}');
  });

  test('the metadata documents name one issuer and one resource', async () => {
    const read = async (path: string) => {
      const response = await fetch(world.stack.publicUrl + path);
      expect(response.status, path).toBe(200);
      return (await response.json()) as Record<string, unknown>;
    };
    const resource = await read('/.well-known/oauth-protected-resource/mcp');
    expect(resource.resource).toBe(world.mcp);
    expect(resource.authorization_servers).toEqual([world.stack.publicUrl]);
    const server = await read('/.well-known/oauth-authorization-server');
    expect(server).toMatchObject({
      issuer: world.stack.publicUrl,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
    });
    expect(server.scopes_supported).toContain('offline_access');
    expect((await read('/.well-known/openid-configuration')).issuer).toBe(world.stack.publicUrl);
    expect((await read('/.well-known/jwks.json')).keys).not.toEqual([]);
  });

  test('/metrics is not reachable from outside', async () => {
    const response = await fetch(`${world.stack.publicUrl}/metrics`);
    expect(response.status).toBe(404);
  });
});

test('a legacy client of an unknown version gets the nearest older one', async () => {
  const answer = await rawMcp(
    world.mcp,
    'initialize',
    { protocolVersion: '2025-01-01', capabilities: {}, clientInfo: { name: 'old', version: '1' } },
    { token, era: 'legacy', headers: { 'mcp-protocol-version': '' } },
  );
  expect(answer.message?.result?.protocolVersion).toBe('2024-11-05');
});
