// The gateway as a process of its own: real Nest, Postgres and Redis; no worker, which it must bear.
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
      { timeout: 20_000 },
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
    expect([listed.status, listed.message?.result?.['tools']]).toEqual([200, []]);
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

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
