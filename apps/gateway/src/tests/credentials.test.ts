// Keys that are tried out, and tokens taken to another place or used after their time: over HTTP.
import { mintApiKey } from '@conducktor/identity';
import { rawMcp, type RawAnswer } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StrangerLimit } from '../limits/stranger-limit.js';
import { startGateway, type TestGateway } from '../mcp/tests/support/gateway.js';
import { openIssuer } from './support/access-tokens.js';
import { startGovernedStack, type GovernedStack } from './support/governed-stack.js';

let stack: GovernedStack;
let gateway: TestGateway;
/** The clock by which tries are counted, in ms: it stands still, however slow the machine is. */
let now = 0;
let issue: Awaited<ReturnType<typeof openIssuer>>;
beforeAll(async () => {
  stack = await startGovernedStack({ strangers: new StrangerLimit(() => now) });
  for (const slug of ['docs', 'crm']) {
    const id = await stack.connect(slug, { tools: {} }, () => ({
      outcome: 'ok',
      resultJson: '{"content":[]}',
      durationMs: 1,
    }));
    await stack.addTool(id, slug, 'search');
  }
  issue = await openIssuer(stack.admin, 'https://mcp.example.test');
  gateway = await startGateway({ mcp: stack.governed.mcp, trustedProxies: ['loopback'] });
});
afterAll(async () => {
  await gateway?.close();
  await stack?.stop();
});

const list = (token: string, at = '/mcp', from = '192.0.2.1') =>
  rawMcp(gateway.url + at, 'tools/list', {}, { token, headers: { 'x-forwarded-for': from } });
const codeOf = ({ message }: RawAnswer) =>
  (message?.error?.data?.['_meta'] as Record<string, unknown> | undefined)?.['conducktor/code'];
const write = (sql: string, ...values: unknown[]) =>
  stack.admin.withTenant(stack.people.tenantId, (tx) => tx.query(sql, values));
async function newKey(): Promise<string> {
  const { id, key, secretHash } = mintApiKey();
  await write(
    'insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes) values ($1, $2, $3, $2, $4, $5)',
    stack.people.tenantId,
    id,
    stack.people.member.memberId,
    secretHash,
    ['mcp:read'],
  );
  return key;
}

describe('keys that are tried out', () => {
  let answers: RawAnswer[];
  let address = 0;
  let from: string;
  beforeEach(async () => {
    from = `2001:db8:${++address}::1`;
    answers = [];
    for (let n = 0; n < 40; n++)
      // Anywhere in the network that one customer has.
      answers.push(await list(mintApiKey().key, '/mcp', `2001:db8:${address}::${n}`));
  });

  test('are refused by their address before Postgres is asked, and leave no row', async () => {
    const statuses = answers.map(({ status }) => status);
    // Thirty, and the one that finds that none is left.
    expect(statuses).toEqual([...Array<number>(31).fill(401), ...Array<number>(9).fill(429)]);
    const last = answers.at(-1)!;
    expect(codeOf(last)).toBe('rate_limited');
    const waitS = Number(last.headers.get('retry-after'));
    expect(waitS).toBeGreaterThan(0);
    // Not even a key that is good is looked for.
    const good = await newKey();
    expect((await list(good, '/mcp', from)).status).toBe(429);
    now += waitS * 1_000;
    expect((await list(good, '/mcp', from)).status).toBe(200);
    expect(await stack.records()).toEqual([]);
  });

  test('hinder nobody who is known, nobody with a token and nobody elsewhere', async () => {
    const { token } = await issue(stack.people.tenantId, stack.people.member);
    expect((await list(stack.people.member.apiKey, '/mcp', '192.0.2.1')).status).toBe(200);
    expect((await list(stack.people.member.apiKey, '/mcp', from)).status).toBe(200);
    expect((await list(token, '/mcp', from)).status).toBe(200);
    expect((await list(await newKey(), '/mcp', '2001:db8:ffff::1')).status).toBe(200);
  });
});

describe('a token', () => {
  test.each([
    ['/mcp', ['/mcp', '/api/conducktor-mcp', '/messages'], ['/mcp/docs', '/mcp/crm']],
    ['/mcp/docs', ['/mcp/docs'], ['/mcp', '/mcp/crm', '/api/conducktor-mcp', '/sse']],
  ])('for %s is replayed nowhere else', async (resourcePath, good, bad) => {
    const { token } = await issue(stack.people.tenantId, stack.people.member, { resourcePath });
    // Also after it was found good at its own place.
    for (const at of [...good, ...bad, ...good]) {
      const answer = await list(token, at);
      expect([at, answer.status]).toEqual([at, good.includes(at) ? 200 : 401]);
      if (answer.status === 401)
        expect(answer.headers.get('www-authenticate')).toContain(
          `/.well-known/oauth-protected-resource${at}"`,
        );
    }
  });

  test('that was revoked stays so, also when its person leaves and comes back', async () => {
    const { tenantId, contractor } = stack.people;
    const { token, grantId } = await issue(tenantId, contractor);
    const other = await issue(tenantId, contractor);
    expect((await list(token)).status).toBe(200);
    expect((await list(other.token)).status).toBe(200);
    await write('update oauth_grant set revoked_at = now() where id = $1', grantId);
    await expect.poll(async () => (await list(token)).status).toBe(401);
    expect((await list(other.token)).status).toBe(200);
    await write(
      'update oauth_grant set revoked_at = now() where member_id = $1',
      contractor.memberId,
    );
    await write('update member set disabled_at = now() where id = $1', contractor.memberId);
    await expect.poll(async () => (await list(other.token)).status).toBe(401);
    await write('update member set disabled_at = null where id = $1', contractor.memberId);
    await expect.poll(async () => (await list(contractor.apiKey)).status).toBe(200);
    for (const each of [token, other.token]) expect((await list(each)).status).toBe(401);
  });
});

describe('who is frozen', () => {
  const freeze = (kind: string, id: string) =>
    write(
      "insert into frozen (tenant_id, kind, subject_id, reason, created_by) values ($1, $2, $3, 'an audit', 'owner')",
      stack.people.tenantId,
      kind,
      id,
    );
  const thaw = () => write('delete from frozen');
  afterEach(thaw);
  const raw = (method: string, params: Record<string, unknown>, era: 'legacy' | 'modern') =>
    rawMcp(gateway.mcp, method, params, { token: stack.people.member.apiKey, era });

  test('is told so by every method of either era, is not sent to sign in, and is recorded', async () => {
    const SENTENCE = 'Permission denied: your access to this workspace is frozen: an audit';
    await freeze('member', stack.people.member.memberId);
    await expect.poll(async () => codeOf(await raw('tools/list', {}, 'modern'))).toBe('frozen');
    for (const era of ['legacy', 'modern'] as const) {
      const called = await raw('tools/call', { name: 'docs_search', arguments: {} }, era);
      expect([called.status, called.headers.get('www-authenticate')]).toEqual([200, null]);
      expect(called.message!.result).toMatchObject({
        isError: true,
        content: [{ text: SENTENCE }],
        _meta: { 'conducktor/code': 'frozen' },
      });
      const methods =
        era === 'legacy'
          ? ['initialize', 'ping', 'tools/list', 'resources/list', 'prompts/get']
          : ['server/discover', 'tools/list', 'resources/read', 'completion/complete'];
      for (const method of methods) {
        const answer = await raw(method, { name: 'x:y', uri: 'x:y', ref: {}, argument: {} }, era);
        expect([method, answer.message!.error]).toEqual([
          method,
          {
            code: -32_003,
            message: SENTENCE,
            data: { _meta: expect.objectContaining({ 'conducktor/code': 'frozen' }) },
          },
        ]);
      }
    }
    const stream = await fetch(gateway.mcp, {
      headers: {
        authorization: `Bearer ${stack.people.member.apiKey}`,
        accept: 'text/event-stream',
      },
    });
    expect(stream.status).toBe(403);
    await stream.body?.cancel();
    // What nobody waits for an answer to is refused by status (2025-11-25, transports).
    const posted = (method: string, body?: object) =>
      fetch(gateway.mcp, {
        method,
        headers: {
          authorization: `Bearer ${stack.people.member.apiKey}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        ...(body && { body: JSON.stringify({ jsonrpc: '2.0', ...body }) }),
      });
    const cancelled = { method: 'notifications/cancelled', params: { requestId: 1 } };
    for (const answer of [
      await posted('POST', cancelled),
      await posted('POST', { id: 1, result: {} }),
      await posted('DELETE'),
    ]) {
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ error: { message: SENTENCE } });
    }
    const records = await stack.records();
    expect(records).toContainEqual(
      expect.objectContaining({ tool: 'docs_search', decision: 'deny', code: 'frozen' }),
    );
    // Names that a client makes up have no records of their own without end.
    const before = records.length;
    for (let n = 0; n < 30; n++)
      await raw('tools/call', { name: `made_up_${n}`, arguments: {} }, 'modern');
    expect((await stack.records()).length - before).toBeLessThan(12);
    await thaw();
    await expect
      .poll(async () => (await raw('tools/list', {}, 'modern')).message?.result)
      .toBeDefined();
  });

  test('as a connection vanishes from lists, and says why when it is called by name', async () => {
    const { rows } = await stack.admin.pool.query<{ id: string }>(
      "select id from connection where slug = 'docs'",
    );
    const names = async (at = '/mcp') =>
      (
        ((await list(stack.people.member.apiKey, at)).message?.result?.['tools'] ?? []) as {
          name: string;
        }[]
      ).map(({ name }) => name);
    expect(await names()).toEqual(['crm_search', 'docs_search']);
    await freeze('connection', rows[0]!.id);
    await expect.poll(() => names()).toEqual(['crm_search']);
    expect(await names('/mcp/docs')).toEqual([]);
    const sent = stack.calls.length;
    const called = await raw('tools/call', { name: 'docs_search', arguments: {} }, 'modern');
    expect(called.message!.result).toMatchObject({
      isError: true,
      content: [{ text: 'Permission denied: the connection docs is frozen: an audit' }],
      _meta: { 'conducktor/code': 'frozen' },
    });
    expect(stack.calls.length).toBe(sent);
    await thaw();
    await expect.poll(() => names()).toEqual(['crm_search', 'docs_search']);
  });

  test('as an API key or workspace is told which', async () => {
    const said = async () => (await raw('tools/list', {}, 'modern')).message?.error?.message;
    await freeze('client', stack.people.member.keyId);
    await expect.poll(said).toBe('Permission denied: this API key is frozen: an audit');
    await freeze('workspace', stack.people.tenantId);
    await expect.poll(said).toBe('Permission denied: this workspace is frozen: an audit');
    await thaw();
    await expect.poll(said).toBeUndefined();
  });

  test('as a connection is recorded by each tool that was asked for', async () => {
    const id = await stack.connect('vault', { tools: {} }, () => ({
      outcome: 'ok',
      durationMs: 1,
    }));
    for (const name of ['read', 'write']) await stack.addTool(id, 'vault', name);
    await freeze('connection', id);
    const ask = async (name: string) =>
      (await raw('tools/call', { name, arguments: {} }, 'modern')).message?.result?._meta;
    await expect.poll(() => ask('vault_read')).toMatchObject({ 'conducktor/code': 'frozen' });
    for (let n = 0; n < 12; n++) await ask('vault_read');
    await ask('vault_write');
    expect(await stack.records()).toContainEqual(
      expect.objectContaining({ tool: 'vault_write', code: 'frozen', connection: 'vault' }),
    );
  });
});
