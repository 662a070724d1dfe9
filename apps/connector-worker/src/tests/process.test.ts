import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDb } from '@conducktor/db';
import { deriveKey, RpcClient } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace } from '@conducktor/testing';
import { afterEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const SECRET_KEY = 'q83vEjRWeJASNFZ4kKvN7_4BI0VniavN7wEjRWeJq80';
const ports = { health: 20_470, rpc: 20_471 };
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function start(more: Record<string, string> = {}) {
  const database = await createTestDatabase();
  stops.push(() => database.drop());
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ENVIRONMENT: 'embedded',
      PORT: String(ports.health),
      RPC_PORT: String(ports.rpc),
      SECRET_KEY,
      DATABASE_URL: database.urlFor('conducktor_app'),
      REDIS_URL: 'redis://127.0.0.1:1',
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  stops.push(() => void child.kill('SIGKILL'));
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (words += String(chunk)));
  return { child, database, words: () => words };
}

function dial(): RpcClient {
  const client = new RpcClient({
    address: `127.0.0.1:${ports.rpc}`,
    key: deriveKey(SECRET_KEY, 'rpc'),
    instanceId: 'gateway-test',
  });
  stops.push(() => client.close());
  return client;
}

describe('the worker as a process', () => {
  it('says that it lives and is ready, answers over RPC, and ends on SIGTERM', async () => {
    const { child, words } = await start();
    await expect.poll(words, { timeout: 30_000 }).toContain('Connector worker is listening');
    const health = await fetch(`http://127.0.0.1:${ports.health}/healthz`);
    expect(await health.text()).toBe('{"status":"ok"}');
    const ready = await fetch(`http://127.0.0.1:${ports.health}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'ready',
      sandbox: expect.stringMatching(/^bubblewrap$|^none: /),
    });

    const client = dial();
    expect(await client.whenReady(3_000)).toBe(true);
    expect(await client.refresh({ tenantId: 'ten_x', connectionId: 'con_x' })).toMatchObject({
      status: 'ERROR',
    });

    const started = Date.now();
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  it('outlives a server that ends while it starts', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'conducktor-catalogue-'));
    stops.push(() => rmSync(dir, { recursive: true, force: true }));
    const catalogue = join(dir, 'catalogue.json');
    writeFileSync(catalogue, '{"broken":{"command":"false"}}');
    const { child, database, words } = await start({ STDIO_CATALOG: catalogue });
    const admin = createDb(database.adminUrl, { max: 1 });
    const { tenantId } = await seedWorkspace(admin);
    await admin.withTenant(tenantId, (tx) =>
      tx.query(
        "insert into connection (tenant_id, id, slug, kind, catalog) values ($1, 'con_x', 'x', 'mcp-stdio', 'broken')",
        [tenantId],
      ),
    );
    await admin.end();
    const client = dial();
    expect(await client.whenReady(10_000)).toBe(true);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await client.refresh({ tenantId, connectionId: 'con_x' })).toMatchObject({
        status: 'ERROR',
        reason: expect.stringContaining('ended'),
      });
    }
    expect(child.exitCode).toBe(null);
    expect(words()).not.toContain('ReferenceError');
  });

  it.each([
    [{ STDIO_CATALOG: '/nonexistent/catalog.json' }, /catalogue of stdio servers.*cannot be read/],
    [{ OUTBOUND_ALLOW: '10.0.0.0/99' }, /OUTBOUND_ALLOW is not a list of CIDR ranges/],
  ])('does not start with %j, and says why', async (more, sentence) => {
    const { child, words } = await start(more as Record<string, string>);
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).not.toBe(0);
    expect(words()).toMatch(sentence);
    expect(words()).not.toContain(SECRET_KEY);
  });
});
