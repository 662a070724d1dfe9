// `conducktor backup` of the running stack, and a stack of its own made from it.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDb } from '@conducktor/db';
import { connectRevision, freePortBlock } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rest } from './support/rest.js';
import { conducktor, startStack, stopStack, STACK_PORTS } from './support/stack.js';
import { openWorld, type World } from './support/world.js';

const scratch = mkdtempSync(join(tmpdir(), 'conducktor-backup-'));
const file = join(scratch, 'all.tar');
const restored = join(scratch, 'restored');
let world: World;

beforeAll(async () => (world = await openWorld()));
afterAll(async () => {
  await world?.close();
  await stopStack(restored);
  rmSync(scratch, { recursive: true, force: true });
});

const restore = (from: string, to: string) => conducktor(['restore', from, '--data', to]);

test('holds every call that was answered before it began, while calls go on', async () => {
  const client = await connectRevision('2025-11-25', world.mcp, world.workspace.owner.apiKey);
  const answered: string[] = [];
  const one = async () => {
    const { _meta: meta } = await client.callTool('rec_echo', { message: 'kept' });
    answered.push(String((meta as Record<string, unknown>)['conducktor/callId']));
  };
  for (let i = 0; i < 5; i++) await one();
  const before = [...answered];

  let running = true;
  const load = (async () => {
    while (running) await one();
  })();
  const ran = await conducktor(['backup', file, '--data', world.stack.dataDir]);
  running = false;
  await load;
  await client.close();
  expect(ran.code, ran.stderr).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(answered.length).toBeGreaterThan(before.length);

  expect((await restore(file, restored)).code).toBe(0);
  const stack = await startStack(restored, await freePortBlock(STACK_PORTS));
  const admin = createDb(stack.adminUrl, { max: 1 });
  try {
    // Sealing goes on where it was; the calls of an epoch that was open become events too.
    const known = async () =>
      (
        await admin.pool.query<{ call_id: string }>(
          'select distinct call_id from audit_event where call_id = any($1)',
          [before],
        )
      ).rows.length;
    await expect.poll(known, { timeout: 30_000 }).toBe(before.length);
    expect(stack.demo).toEqual(world.stack.demo);
    const rest = new Rest(stack.publicUrl, world.workspace.owner.apiKey);
    expect(JSON.stringify((await rest.request('GET', '/connections')).body)).toContain('"rec"');
  } finally {
    await admin.end();
  }
}, 120_000);

test('a directory that holds something is not written to', async () => {
  const ran = await restore(file, world.stack.dataDir);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(/not empty; restore into a new directory/);
});

test('a file with a changed byte is refused, and nothing is left behind', async () => {
  const damaged = join(scratch, 'damaged.tar');
  const bytes = readFileSync(file);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(damaged, bytes);
  const target = join(scratch, 'never');
  const ran = await restore(damaged, target);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(/damaged|cannot be read/);
  expect(readdirSync(target)).toEqual([]);
});

test('an existing file is not overwritten', async () => {
  const ran = await conducktor(['backup', file, '--data', world.stack.dataDir]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('exists already');
});
