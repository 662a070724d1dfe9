// Real clients, each signing in by itself: discovery, registration, PKCE, login, consent, token.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { connectLegacySignedIn, connectModernSignedIn } from '@conducktor/testing';
import { MemoryOAuthProvider, type Person } from '@conducktor/oauth-client';
import { beforeAll, expect, inject, test } from 'vitest';
import { ROOT } from './support/stack.js';

const stack = inject('stack');
const mcp = `${stack.publicUrl}/mcp`;
const person: Person = {
  email: stack.demo.email,
  password: stack.demo.password,
};
const provider = new MemoryOAuthProvider();

beforeAll(async () => {
  const { client } = await connectModernSignedIn(mcp, person, provider);
  await client.close();
});

test('SDK v2 (modern) signs in, lists and calls tools of the three demo servers', async () => {
  const { client } = await connectModernSignedIn(mcp, person);
  expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
  const { tools } = await client.listTools();
  const slugs = new Set(tools.map((tool) => tool.name.split('_')[0]));
  expect(slugs.size).toBeGreaterThanOrEqual(3);
  const echo = tools.find((tool) => tool.name.endsWith('_echo'));
  const result = await client.callTool({ name: echo!.name, arguments: { message: 'from v2' } });
  expect(JSON.stringify(result.content)).toContain('from v2');
  await client.close();
});

test('SDK v1 (legacy) signs in, lists and calls tools', async () => {
  const { client } = await connectLegacySignedIn(mcp, person);
  const { tools } = await client.listTools();
  const echo = tools.find((tool) => tool.name.endsWith('_echo'));
  const result = await client.callTool({ name: echo!.name, arguments: { message: 'from v1' } });
  expect(JSON.stringify(result.content)).toContain('from v1');
  await client.close();
});

test.each(['legacy', 'modern'])('the Inspector’s command line (%s) lists tools', async (era) => {
  const { code, stdout, stderr } = await inspector([
    mcp,
    '--transport',
    'http',
    '--protocol-era',
    era,
    '--method',
    'tools/list',
    '--header',
    `Authorization: Bearer ${provider.accessToken}`,
  ]);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain('_echo"');
});

test('the Inspector’s command line calls a tool', async () => {
  const { stdout: list } = await inspector([
    mcp,
    '--transport',
    'http',
    '--method',
    'tools/list',
    '--header',
    `Authorization: Bearer ${provider.accessToken}`,
  ]);
  const name = /"name":\s*"([a-z0-9-]+_echo)"/.exec(list)?.[1] ?? 'no echo';
  const { code, stdout, stderr } = await inspector([
    mcp,
    '--transport',
    'http',
    '--method',
    'tools/call',
    '--tool-name',
    name,
    '--tool-arg',
    'message=from the inspector',
    '--header',
    `Authorization: Bearer ${provider.accessToken}`,
  ]);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain('from the inspector');
});

function inspector(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const child = spawn(
      process.execPath,
      [join(ROOT, 'node_modules/.bin/mcp-inspector'), '--cli', ...args],
      {
        cwd: ROOT,
        // Its catalog and its secrets stay in the test's folder and in memory.
        env: { ...process.env, HOME: stack.dataDir, MCP_INSPECTOR_SECRET_STORE: 'memory' },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 45_000,
      },
    );
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.on('close', (code) => done({ code: code ?? -1, stdout, stderr }));
  });
}
