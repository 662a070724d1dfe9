// The table "Answers of a governed call" of the contract, one test a row, as it is on the wire.
import { rawCall, rawMcp, type RawAnswer } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, eventually, openWorld, type World } from './support/world.js';

let world: World;
let key: string;
beforeAll(async () => {
  world = await openWorld({
    policy: {
      version: 1,
      default: 'allow',
      rules: [
        {
          id: 'contractors-read-only',
          when: { groups: ['contractors'], class: ['write', 'destructive'] },
          effect: 'deny',
          message: 'Update operations not allowed',
        },
        {
          id: 'small-amounts',
          when: { tools: ['rec_echo'], if: 'has(args.amount) && args.amount > 500000' },
          effect: 'deny',
          message: 'Amounts over 500000 are not allowed',
        },
      ],
    },
  });
  key = world.workspace.member.apiKey;
});
afterAll(() => world.close());

const call = (name: string, args: Record<string, unknown>, options = {}) =>
  rawCall(world.mcp, name, args, { token: key, ...options });
const meta = (answer?: RawAnswer) => answer?.message?.result?._meta ?? {};
const sentence = (answer?: RawAnswer) => answer?.message?.result?.content?.[0]?.text;

for (const era of ['modern', 'legacy'] as const) {
  describe(`a ${era} client`, () => {
    test('allowed: the upstream’s own result, with a call id', async () => {
      const answer = await call('rec_echo', { message: `hello ${era}` }, { era });
      expect(answer.status).toBe(200);
      expect(answer.message?.result?.content).toEqual([{ type: 'text', text: `hello ${era}` }]);
      expect(answer.message?.result?.isError).toBeUndefined();
      expect(meta(answer)['conducktor/callId']).toMatch(/^call_[0-9A-Za-z]{22}$/);
      expect(answer.message?.result?.resultType).toBe(era === 'modern' ? 'complete' : undefined);
    });

    test('unknown tool: JSON-RPC error −32602', async () => {
      const answer = await call('rec_nothing', {}, { era });
      expect(answer.message?.error?.code).toBe(-32602);
      expect(answer.message?.error?.message).toBe('Unknown tool: rec_nothing');
      expect(answer.message?.error?.data?._meta).toMatchObject({
        'conducktor/code': 'unknown_tool',
      });
    });

    test('refused by policy: the rule’s message, and the upstream hears nothing', async () => {
      const before = world.upstream.calls.length;
      const answer = await call(
        'rec_add_note',
        { note: 'x' },
        { era, token: world.workspace.contractor.apiKey },
      );
      expect(answer.status).toBe(200);
      expect(answer.message?.result?.isError).toBe(true);
      expect(sentence(answer)).toBe('Permission denied: Update operations not allowed');
      expect(meta(answer)['conducktor/code']).toBe('policy_denied');
      expect(meta(answer)['conducktor/callId']).toMatch(/^call_/);
      expect(world.upstream.calls.length).toBe(before);
    });

    test('arguments that do not fit: which field and why', async () => {
      const answer = await call('rec_echo', { message: 7 }, { era });
      expect(answer.message?.result?.isError).toBe(true);
      expect(meta(answer)['conducktor/code']).toBe('invalid_arguments');
      expect(sentence(answer)).toMatch(/message/);
    });

    test('upstream error result: unchanged', async () => {
      const answer = await call('rec_fail', {}, { era });
      expect(answer.message?.result?.isError).toBe(true);
      expect(sentence(answer)).toBe('the service says no');
      expect(meta(answer)['conducktor/code']).toBeUndefined();
    });

    test('upstream JSON-RPC error: unchanged but for our call id', async () => {
      const answer = await call('rec_boom', {}, { era });
      expect(answer.message?.error).toMatchObject({
        code: -32050,
        message: 'the service broke',
        data: { ticket: 7 },
      });
    });
  });
}

test('a condition on arguments decides', async () => {
  const answer = await call('rec_echo', { message: 'a', amount: 500001 });
  expect(sentence(answer)).toBe('Permission denied: Amounts over 500000 are not allowed');
  expect((await call('rec_echo', { message: 'a', amount: 500000 })).message?.result?.isError).toBe(
    undefined,
  );
});

test('a price that cannot be worked out: why, and the upstream hears nothing', async () => {
  const note = () => call('rec_add_note', { note: 'x' });
  const isRefused = async () => meta(await note())['conducktor/code'] === 'price_unknown';
  const cost = { kind: 'cel', micros: 'args.pages * 200' };
  await world.rest.must('PUT', '/tools/rec_add_note/cost', cost);
  await eventually('the price holds', isRefused);
  const before = world.upstream.calls.length;
  const answer = await note();
  expect(answer.message?.result?.isError).toBe(true);
  expect(sentence(answer)).toBe(
    'Operation blocked: the price of rec_add_note cannot be worked out for this call (No such key: pages). ' +
      'Ask an owner, an admin or billing of your workspace to correct it.',
  );
  expect(world.upstream.calls.length).toBe(before);
  await world.rest.must('DELETE', '/tools/rec_add_note/cost');
  await eventually('it is free again', async () => !(await isRefused()));
});

test('scope missing: HTTP 403 that names every scope, for Claude and for ChatGPT', async () => {
  const { key: readOnly } = await world.rest.must<{ key: string }>('POST', '/api-keys', {
    name: 'read only',
    scopes: ['mcp:read'],
  });
  const answer = await call('rec_add_note', { note: 'x' }, { token: readOnly });
  expect(answer.status).toBe(403);
  const challenge = answer.headers.get('www-authenticate');
  expect(challenge).toMatch(/^Bearer .*error="insufficient_scope"/);
  expect(challenge).toMatch(/scope="[^"]*mcp:write[^"]*"/);
  expect(answer.message?.result?.isError).toBe(true);
  expect(meta(answer)['mcp/www_authenticate']).toEqual([challenge]);
  expect(meta(answer)['conducktor/code']).toBe('insufficient_scope');
});

test('token missing, made up or no longer valid: HTTP 401 that says where to sign in', async () => {
  const { id, key: revoked } = await world.rest.must<{ id: string; key: string }>(
    'POST',
    '/api-keys',
    { name: 'gone soon', scopes: ['mcp:read'] },
  );
  expect((await call('rec_echo', { message: 'a' }, { token: revoked })).status).toBe(200);
  await world.rest.must('DELETE', `/api-keys/${id}`);
  await eventually(
    'the revoked key is refused',
    async () => (await call('rec_echo', { message: 'a' }, { token: revoked })).status === 401,
    1_500,
  );
  const forged = [
    'ck_0000000000000000000000_0000000000000000000000000000000000000000000',
    'eyJhbGciOiJub25lIn0.e30.',
    'x',
  ];
  for (const token of [undefined, revoked, ...forged]) {
    const answer = await rawCall(world.mcp, 'rec_echo', { message: 'a' }, token ? { token } : {});
    expect(answer.status, token).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(
      new RegExp(
        `^Bearer resource_metadata="${world.stack.publicUrl}/.well-known/oauth-protected-resource/mcp", error="invalid_token"`,
      ),
    );
    expect(answer.message?.error?.message).toMatch(/^Sign in again: /);
  }
});

test('too many calls: when to try again, in the header and in _meta', async () => {
  const burst = await openWorld({ limitProfile: 'burst' });
  let answer: RawAnswer | undefined;
  // 30 per 10 s; leases of several processes may let a few more through.
  for (let i = 0; i < 45 && meta(answer)['conducktor/code'] === undefined; i++) {
    answer = await rawCall(
      burst.mcp,
      'rec_echo',
      { message: 'a' },
      { token: burst.workspace.member.apiKey },
    );
  }
  expect(meta(answer)['conducktor/code']).toBe('rate_limited');
  expect(burst.upstream.calls.length).toBeGreaterThanOrEqual(25);
  expect(Number(meta(answer)['conducktor/retryAfterMs'])).toBeGreaterThan(0);
  expect(Number(answer?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(sentence(answer)).toMatch(/^Too many requests\. Try again in \d+ s\.$/);
  await burst.close();
});

test('idempotency: the same key and arguments act once, other arguments are refused', async () => {
  const headers = { 'idempotency-key': `order-${Date.now()}` };
  const before = world.upstream.calls.length;
  const answers = await Promise.all(
    [1, 2, 3].map(() => call('rec_add_note', { note: 'once' }, { headers })),
  );
  answers.push(await call('rec_add_note', { note: 'once' }, { headers }));
  for (const answer of answers) expect(sentence(answer)).toBe('noted once');
  expect(new Set(answers.map((answer) => meta(answer)['conducktor/callId'])).size).toBe(1);
  expect(world.upstream.calls.length).toBe(before + 1);
  const other = await call('rec_add_note', { note: 'twice' }, { headers });
  expect(other.message?.error?.code).toBe(-32602);
  expect(other.message?.error?.data?._meta).toMatchObject({
    'conducktor/code': 'idempotency_conflict',
  });
});

test('upstream too slow: who, how long, and that it may have acted', async () => {
  await connect(world.rest, 'hasty', world.upstream.url, 300);
  const answer = await call('hasty_slow', { ms: 5_000 });
  expect(meta(answer)['conducktor/code']).toBe('upstream_timeout');
  expect(sentence(answer)).toBe(
    'hasty did not answer within 0.3 s; whether it acted is not known.',
  );
  await eventually('the upstream call is cancelled', async () =>
    world.upstream.calls.some((c) => c.name === 'slow' && c.cancelled),
  );
});

test('upstream gone: upstream_unavailable', async () => {
  const gone = await openWorld({ slug: 'gone' });
  await gone.upstream.close();
  const answer = await rawCall(
    gone.mcp,
    'gone_echo',
    { message: 'a' },
    { token: gone.workspace.member.apiKey },
  );
  expect(meta(answer)['conducktor/code']).toBe('upstream_unavailable');
  expect(answer.message?.result?.isError).toBe(true);
  await gone.admin.end();
});

test('every content kind, structured content and progress arrive as they left', async () => {
  const everything = await call('rec_everything', {});
  expect(everything.message?.result?.content?.map((item) => item.type)).toEqual([
    'text',
    'image',
    'audio',
    'resource_link',
    'resource',
  ]);
  const weather = await call('rec_weather', { city: 'Oslo' });
  expect(weather.message?.result?.structuredContent).toEqual({ city: 'Oslo', celsius: 21.5 });
  const counted = await call('rec_count', { to: 3 }, { meta: { progressToken: 'tok' } });
  const progress = counted.messages.slice(0, -1) as { params: Record<string, unknown> }[];
  expect(progress.map((note) => note.params)).toMatchObject([
    { progressToken: 'tok', progress: 1, total: 3 },
    { progressToken: 'tok', progress: 2, total: 3 },
    { progressToken: 'tok', progress: 3, total: 3 },
  ]);
  expect(counted.message?.result?.content).toEqual([{ type: 'text', text: 'counted to 3' }]);
});

test('cancellation: closing the stream stops the upstream call', async () => {
  const abort = new AbortController();
  const pending = call('rec_slow', { ms: 20_000 }, { signal: abort.signal }).catch(() => undefined);
  const arrived = () => world.upstream.calls.filter((c) => c.arguments.ms === 20_000).at(-1);
  await eventually('the call arrives', async () => arrived() !== undefined);
  abort.abort();
  await pending;
  await eventually('the upstream is told', async () => arrived()?.cancelled === true);
});

test('the upstream gets its own name, canonical arguments, and nothing of the caller', async () => {
  await call(
    'rec_echo',
    { amount: 1.0, message: 'é' },
    { headers: { 'x-canary': 'canary-header' } },
  );
  const arrived = world.upstream.calls.at(-1);
  expect(arrived?.name).toBe('echo');
  expect(arrived?.body).toContain('"arguments":{"amount":1,"message":"é"}');
  const everything = JSON.stringify(world.upstream.requests);
  expect(everything).not.toContain(key);
  expect(everything).not.toContain('canary-header');
});

test('the list has every tool under its shown name, and the same order each time', async () => {
  const lists = await Promise.all(
    [1, 2].map(() => rawMcp(world.mcp, 'tools/list', {}, { token: key })),
  );
  const names = lists.map((list) =>
    ((list.message?.result?.tools ?? []) as { name: string }[]).map((tool) => tool.name),
  );
  expect(names[0]).toContain('rec_echo');
  expect(names[0]).toEqual(names[1]);
});
