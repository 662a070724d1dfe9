// The gateway as a process of its own: real Nest, Postgres and Redis; no worker, which it must bear.
import { newId } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import {
  createTestDatabase,
  rawMcp,
  seedWorkspace,
  type SeededWorkspace,
  type TestDatabase,
} from '@conducktor/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let database: TestDatabase;
let admin: Db;
let workspace: SeededWorkspace;
let gateway: ChildProcess;
let url: string;
let log = '';

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
  workspace = await seedWorkspace(admin);
  await addTool();
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  gateway = start({ PORT: String(port), PUBLIC_URL: `http://localhost:${port}` });
  gateway.stdout!.on('data', (chunk) => (log += chunk));
  await vi
    .waitUntil(
      () =>
        fetch(`${url}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .catch(() => {
      throw new Error(`It did not start: ${log}`);
    });
});
afterAll(async () => {
  gateway?.kill('SIGKILL');
  await admin?.end();
  await database?.drop();
});

function start(env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      ENVIRONMENT: 'embedded',
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.urlFor('conducktor_gateway'),
      REDIS_URL: database.redisUrl,
      WORKERS: '127.0.0.1:9',
      DRAIN_DELAY_SECONDS: '0',
      ...env,
    },
  });
}

test('it runs without a worker, and says that it is not ready', async () => {
  const response = await fetch(`${url}/readyz`);
  expect([response.status, await response.json()]).toMatchObject([
    503,
    { reason: expect.stringContaining('worker') },
  ]);
});

test.each(['legacy', 'modern'] as const)(
  'an API key lists tools, a stranger gets a challenge (%s)',
  async (era) => {
    const listed = await rawMcp(
      `${url}/mcp`,
      'tools/list',
      {},
      { token: workspace.member.apiKey, era },
    );
    expect(listed.message?.result?.['tools']).toMatchObject([
      {
        name: 'far_look_up',
        annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: true },
        _meta: { securitySchemes: [{ type: 'oauth2', scopes: ['mcp:read'] }] },
        'x-vendor': 1,
      },
    ]);
    const stranger = await rawMcp(`${url}/mcp`, 'tools/list', {}, { era });
    expect(stranger.status).toBe(401);
    expect(stranger.headers.get('www-authenticate')).toContain(
      '/.well-known/oauth-protected-resource/mcp"',
    );
  },
);

test('an unknown tool is refused by the story, in words', async () => {
  const answer = await rawMcp(
    `${url}/mcp`,
    'tools/call',
    { name: 'a_b', arguments: {} },
    { token: workspace.member.apiKey },
  );
  expect(answer.message?.error).toMatchObject({ code: -32602, message: 'Unknown tool: a_b' });
});

test('an argument that a header must repeat is checked against it before anything else', async () => {
  const call = (headers: Record<string, string>) =>
    rawMcp(
      `${url}/mcp`,
      'tools/call',
      { name: 'far_look_up', arguments: { region: 'eu' } },
      { token: workspace.member.apiKey, headers },
    );
  for (const headers of [{}, { 'mcp-param-region': 'us' }]) {
    const refused = await call(headers as Record<string, string>);
    expect([refused.status, refused.message?.error?.code]).toEqual([400, -32020]);
  }
  const passed = await call({ 'mcp-param-region': 'eu' });
  expect(passed.message?.result?._meta).toMatchObject({
    'conducktor/code': 'upstream_unavailable',
  });
});

test('the challenge of an alias points to the document of that alias', async () => {
  const stranger = await rawMcp(`${url}/api/conducktor-mcp`, 'tools/list', {});
  const [, metadata] = /resource_metadata="([^"]+)"/.exec(
    stranger.headers.get('www-authenticate')!,
  )!;
  const document = (await (await fetch(metadata!)).json()) as { resource: string };
  expect(new URL(document.resource).pathname).toBe('/api/conducktor-mcp');
});

test('a bad environment ends it with one sentence and status 78', async () => {
  const child = start({ PORT: 'many' });
  let said = '';
  child.stderr!.on('data', (chunk) => (said += chunk));
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(78);
  expect(said.trim().split('\n')).toHaveLength(1);
});

test('SIGTERM ends it within seconds, with status 0', async () => {
  const began = Date.now();
  const exited = new Promise((resolve) => gateway.once('exit', resolve));
  gateway.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(Date.now() - began).toBeLessThan(5_000);
});

/** A pinned tool that nobody can reach: enough for everything that happens before a call is sent. */
async function addTool(): Promise<void> {
  const inputSchema = {
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
  };
  await admin.withTenant(workspace.tenantId, async (tx) => {
    const id = newId('con');
    await tx.query(
      `insert into connection (tenant_id, id, slug, kind, url) values ($1, $2, 'far', 'mcp-http', 'http://127.0.0.1:9')`,
      [workspace.tenantId, id],
    );
    await tx.query(
      `insert into tool (tenant_id, id, connection_id, upstream_name, shown_name, definition, definition_hash, proposed_class)
       values ($1, $2, $3, 'look.up', 'far_look_up', $4, '\\x00', 'read')`,
      [workspace.tenantId, newId('tol'), id, { name: 'look.up', inputSchema, 'x-vendor': 1 }],
    );
    await tx.query(
      `insert into policy (tenant_id, version, document, source) values ($1, 1, $2, '')`,
      [workspace.tenantId, { version: 1, default: 'allow', rules: [] }],
    );
    await tx.query('update tenant set active_policy = 1 where id = $1', [workspace.tenantId]);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
