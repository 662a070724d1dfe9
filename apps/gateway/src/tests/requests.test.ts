// resources/read, prompts/get and completion/complete from token to journal, both ends on the real wire.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CallResult } from '@conducktor/contracts';
import { answered, startGovernedStack, type GovernedStack } from './support/governed-stack.js';

let stack: GovernedStack;
/** What the upstreams answer next; by default what they are asked. */
let next: ((name: string) => CallResult) | undefined;
/** A connection that does not answer. */
let down: string | undefined;

beforeAll(async () => {
  stack = await startGovernedStack();
  const capabilities = { resources: {}, prompts: {}, completions: {} };
  for (const slug of ['files', 'secret', 'web', 'web2']) {
    await stack.connect(slug, capabilities, ({ method, name, argumentsJson }) => {
      if (slug === down) return { outcome: 'unavailable', durationMs: 1 };
      if (next && !method.endsWith('/list')) return next(name);
      if (method === 'resources/list')
        return answered({
          resources: slug.startsWith('web')
            ? [{ uri: `https://${slug}.example/a` }, { uri: 'https://both.example/' }]
            : [],
        });
      if (method === 'resources/templates/list')
        return answered({
          resourceTemplates: slug === 'web' ? [{ uriTemplate: 'https://t.example/{p}' }] : [],
        });
      const asked = { name, ...(JSON.parse(argumentsJson) as object) };
      return answered({ contents: [{ uri: name, text: slug }], asked, _meta: { theirs: 1 } });
    });
  }
  await stack.activate({
    version: 1,
    default: 'allow',
    rules: [
      { id: 'none', when: { groups: ['contractors'], tools: ['secret_*'] }, effect: 'deny' },
      {
        id: 'no-keys',
        when: { tools: ['files_resources/read'], if: 'args.uri.startsWith("file:///keys")' },
        effect: 'deny',
        message: 'Keys stay where they are',
      },
      {
        id: 'no-prompts',
        when: { tools: ['web_prompts/get'], if: 'args.arguments.who == "all"' },
        effect: 'deny',
        message: 'Not for all',
      },
    ],
  });
});
beforeEach(() => {
  next = undefined;
  down = undefined;
  stack.calls.length = 0;
});
afterAll(() => stack.stop());

const asContractor = () => ({ apiKey: stack.people.contractor.apiKey });

describe('resources/read', () => {
  test('reaches its connection with the upstream’s URI, and is recorded', async () => {
    const answer = await stack.request('resources/read', { uri: 'files+file:///a', extra: [1] });
    expect(answer).toMatchObject({
      kind: 'result',
      result: {
        contents: [{ uri: 'files+file:///a', text: 'files' }],
        _meta: { theirs: 1, 'conducktor/callId': stack.calls[0]!.callId },
      },
    });
    expect(stack.calls).toHaveLength(1);
    expect(stack.calls[0]).toMatchObject({
      method: 'resources/read',
      name: 'file:///a',
      argumentsJson: '{"extra":[1],"uri":"file:///a"}',
      memberId: stack.people.member.memberId,
    });
    expect(await stack.records()).toContainEqual(
      expect.objectContaining({
        tool: 'files_resources/read',
        connection: 'files',
        decision: 'allow',
      }),
    );
  });

  test('is decided on the upstream’s URI; a refusal is a JSON-RPC error and reaches nobody', async () => {
    expect(await stack.request('resources/read', { uri: 'files+file:///keys/1' })).toMatchObject({
      kind: 'error',
      error: {
        code: -32_003,
        message: 'Permission denied: Keys stay where they are',
        data: {
          _meta: {
            'conducktor/code': 'policy_denied',
            'conducktor/callId': expect.stringMatching(/^call_/),
          },
        },
      },
    });
    expect(stack.calls).toEqual([]);
    expect(await stack.records()).toContainEqual(
      expect.objectContaining({
        tool: 'files_resources/read',
        decision: 'deny',
        rule: 'no-keys',
        argumentsHash: expect.any(String) as string,
      }),
    );
  });

  test.each([
    ['modern', '2026-07-28', -32_602],
    ['legacy', '2025-11-25', -32_002],
  ] as const)(
    'of a hidden connection and of none answer alike (%s)',
    async (era, version, code) => {
      const by = { ...asContractor(), era, protocolVersion: version };
      for (const uri of ['secret+file:///a', 'nobody+file:///a', 'file:///a']) {
        expect(await stack.request('resources/read', { uri }, by)).toEqual({
          kind: 'error',
          error: {
            code,
            message: `Resource not found: ${uri}`,
            data: {
              uri,
              _meta: {
                'conducktor/code': 'unknown_resource',
                'conducktor/callId': expect.any(String) as string,
              },
            },
          },
        });
      }
      expect(stack.calls).toEqual([]);
    },
  );

  test.each(['https://web.example/a', 'https://t.example/b'])(
    'of a web address goes to the one connection that lists it: %s',
    async (uri) => {
      expect(await stack.request('resources/read', { uri })).toMatchObject({
        result: { contents: [{ uri, text: 'web' }] },
      });
    },
  );

  test('of a web address that none or several list reaches nobody', async () => {
    const read = (uri: string) => stack.request('resources/read', { uri });
    expect(await read('https://none.example')).toMatchObject({
      error: { code: -32_602, message: 'Resource not found: https://none.example' },
    });
    expect(await read('https://both.example/')).toMatchObject({
      error: {
        code: -32_602,
        message:
          'More than one connection has https://both.example/. Ask at /mcp/web or /mcp/web2.',
      },
    });
    expect(stack.calls.filter(({ method }) => method === 'resources/read')).toEqual([]);
  });

  test('of a web address is not given to one connection while another that may have it is down', async () => {
    down = 'web2';
    // Another person: nothing of these lists is kept for him yet.
    const read = stack.request('resources/read', { uri: 'https://web.example/a' }, asContractor());
    expect(await read).toMatchObject({
      error: {
        code: -32_602,
        message:
          'Which connection has https://web.example/a cannot be told now: web2 did not list everything. Ask at /mcp/web or /mcp/web2.',
      },
    });
    expect(stack.calls.filter(({ method }) => method === 'resources/read')).toEqual([]);
  });

  test.each([
    ['modern', '2026-07-28', -32_002, undefined, -32_602],
    ['legacy', '2025-06-18', -32_602, { uri: 'file:///gone' }, -32_002],
  ] as const)(
    'an upstream’s "not found" is said as a %s client knows it',
    async (era, protocolVersion, theirs, data, ours) => {
      next = () => ({
        outcome: 'error',
        error: { code: theirs, message: 'No such resource', ...(data && { data }) },
        durationMs: 1,
      });
      const uri = 'files+file:///gone';
      expect(
        await stack.request('resources/read', { uri }, { era, protocolVersion }),
      ).toMatchObject({ error: { code: ours, message: 'No such resource', data: { uri } } });
    },
  );

  test.each([
    [
      'timeout',
      'upstream_timeout',
      'files did not answer within 1 s; whether it acted is not known.',
    ],
    ['unavailable', 'upstream_unavailable', 'files cannot be reached right now.'],
    ['unknown', 'outcome_unknown', expect.stringContaining('is not known')],
    ['cancelled', 'cancelled', expect.stringContaining('cancelled')],
  ] as const)(
    'without an answer is an internal error with our code (%s)',
    async (outcome, code, message) => {
      next = () => ({ outcome, durationMs: 1 });
      expect(await stack.request('resources/read', { uri: 'files+file:///a' })).toMatchObject({
        kind: 'error',
        error: {
          code: -32_603,
          message: message as string,
          data: { _meta: { 'conducktor/code': code } },
        },
      });
    },
  );

  test('needs a URI, and one that JSON can carry exactly', async () => {
    for (const params of [{}, { uri: 1 }, { uri: 'files+file:///a', n: Infinity }])
      expect(await stack.request('resources/read', params)).toMatchObject({
        error: { code: -32_602, data: { _meta: { 'conducktor/code': 'invalid_arguments' } } },
      });
    expect(stack.calls).toEqual([]);
  });

  test('needs a scope, and says which by HTTP 403', async () => {
    await stack.admin.pool.query(`update api_key set scopes = '{openid}' where id = $1`, [
      stack.people.owner.keyId,
    ]);
    const by = { apiKey: stack.people.owner.apiKey };
    expect(await stack.request('resources/read', { uri: 'files+file:///a' }, by)).toMatchObject({
      kind: 'challenge',
      status: 403,
      wwwAuthenticate: expect.stringContaining('scope="mcp:read"') as string,
      body: {
        error: { code: -32_003, data: { _meta: { 'conducktor/code': 'insufficient_scope' } } },
      },
    });
  });
});

describe('prompts/get', () => {
  test('sends the arguments, decides on name and arguments, and names links by connection', async () => {
    next = () =>
      answered({
        messages: [
          { role: 'user', content: { type: 'resource_link', uri: 'file:///a', name: 'a' } },
        ],
      });
    const answer = await stack.request('prompts/get', {
      name: 'web_a.b c',
      arguments: { who: 'me' },
    });
    expect(answer).toMatchObject({
      result: { messages: [{ content: { uri: 'web+file:///a' } }] },
    });
    expect(stack.calls[0]).toMatchObject({
      method: 'prompts/get',
      name: 'a.b c',
      argumentsJson: '{"who":"me"}',
    });
    expect(
      await stack.request('prompts/get', { name: 'web_x', arguments: { who: 'all' } }),
    ).toMatchObject({ error: { code: -32_003, message: 'Permission denied: Not for all' } });
    expect(stack.calls).toHaveLength(1);
  });

  test('of a hidden connection is unknown, like one of none', async () => {
    for (const name of ['secret_a', 'nobody_a', 'a'])
      expect(await stack.request('prompts/get', { name }, asContractor())).toMatchObject({
        error: {
          code: -32_602,
          message: `Unknown prompt: ${name}`,
          data: { _meta: { 'conducktor/code': 'unknown_prompt' } },
        },
      });
    expect(stack.calls).toEqual([]);
  });

  test('under a connection’s own path has the upstream’s name', async () => {
    const files = { resourcePath: '/mcp/files' };
    await stack.request('prompts/get', { name: 'web_log' }, files);
    expect(stack.calls.map(({ name, argumentsJson }) => [name, argumentsJson])).toEqual([
      ['web_log', '{}'],
    ]);
    expect(await stack.request('resources/read', { uri: 'file:///a' }, files)).toMatchObject({
      result: { contents: [{ uri: 'file:///a', text: 'files' }] },
    });
  });
});

describe('completion/complete', () => {
  const argument = { name: 'path', value: 'a' };
  test.each([
    [
      { type: 'ref/prompt', name: 'files_p' },
      { type: 'ref/prompt', name: 'p' },
    ],
    [
      { type: 'ref/resource', uri: 'files+file:///{path}' },
      { type: 'ref/resource', uri: 'file:///{path}' },
    ],
  ])('goes to the connection of its reference (%o)', async (ref, upstream) => {
    next = () => answered({ completion: { values: ['a1'], hasMore: false } });
    const params = { ref, argument, context: { arguments: { b: '1' } } };
    expect(await stack.request('completion/complete', params)).toMatchObject({
      result: { completion: { values: ['a1'], hasMore: false } },
    });
    const [call] = stack.calls;
    expect(call).toMatchObject({ method: 'completion/complete', name: '' });
    expect(JSON.parse(call!.argumentsJson)).toEqual({ ...params, ref: upstream });
  });

  test('of anything else is refused', async () => {
    for (const ref of [undefined, { type: 'ref/tool' }, { type: 'ref/prompt', name: 'nobody_x' }])
      expect(await stack.request('completion/complete', { ref, argument })).toMatchObject({
        error: { code: -32_602 },
      });
    expect(stack.calls).toEqual([]);
  });
});

test('made-up names of tools do not fill the journal', async () => {
  const before = (await stack.records()).length;
  for (let i = 0; i < 40; i++) {
    const answer = await stack.governed.mcp.callTool({
      context: stack.context(),
      name: `files_made_up_${i}`,
      argumentsValue: {},
      signal: new AbortController().signal,
    });
    expect(answer).toMatchObject({ error: { code: -32_602 } });
  }
  expect((await stack.records()).length - before).toBeLessThan(15);
});
