// What must stay secret is looked for, as text, in everything that leaves: logs, answers, audit rows,
// and every column of the database that is not sealed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rawCall, rawMcp } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operationsOf } from './support/inventory.js';
import { eventually, openWorld, type World } from './support/world.js';

const HEADER = 'canary-header-5be1';
const ARGUMENT = 'canary-argument-91ce';
let world: World;
const answers: string[] = [];

beforeAll(async () => {
  world = await openWorld({ slug: 'sec' });
  const created = await world.rest.request<{ id: string }>('POST', '/connections', {
    slug: 'sealed',
    kind: 'mcp-http',
    url: world.upstream.url,
    headers: { 'x-api-key': HEADER },
  });
  answers.push(created.text);
  const tested = await world.rest.request('POST', `/connections/${created.body.id}/test`, {});
  expect(tested.body.status).toBe('ACTIVE');
  const token = world.workspace.owner.apiKey;
  for (const tool of ['sealed_echo', 'sealed_nothing', 'sealed_fail']) {
    const answer = await rawCall(world.mcp, tool, { message: ARGUMENT }, { token });
    // The upstream's own echo is the caller's; everything else must not repeat arguments.
    if (tool !== 'sealed_echo') answers.push(answer.text);
  }
  answers.push((await rawMcp(world.mcp, 'tools/list', {}, { token })).text);
  // A fault on the way to the upstream is described without the credential.
  await world.upstream.close();
  answers.push((await rawCall(world.mcp, 'sealed_echo', { message: 'x' }, { token })).text);
  answers.push((await world.rest.request('POST', `/connections/${created.body.id}/test`, {})).text);
});
afterAll(() => world.admin.end());

const secrets = () => {
  const passwords = JSON.parse(
    readFileSync(join(world.stack.dataDir, 'postgres-passwords.json'), 'utf8'),
  ) as Record<string, string>;
  const { SECRET_KEY } = JSON.parse(
    readFileSync(join(world.stack.dataDir, 'secrets.json'), 'utf8'),
  ) as { SECRET_KEY: string };
  const people = [world.workspace.owner, world.workspace.member, world.workspace.contractor];
  return [
    HEADER,
    ARGUMENT,
    SECRET_KEY,
    world.stack.demo.password,
    world.stack.demo.apiKey,
    ...people.map((person) => person.apiKey),
    ...Object.values(passwords),
  ];
};
const found = (text: string) => secrets().filter((secret) => text.includes(secret));

test('the credential did reach the upstream, so that there was something to leak', () => {
  expect(world.upstream.calls.some((call) => call.headers['x-api-key'] === HEADER)).toBe(true);
});

/** What is answered; of a stream, what comes in a second. */
async function textOf(path: string): Promise<string> {
  const answer = await fetch(`${world.stack.publicUrl}/api/v1${path}`, {
    headers: { authorization: `Bearer ${world.workspace.owner.apiKey}` },
  });
  if (!answer.headers.get('content-type')?.includes('event-stream')) return await answer.text();
  let text = '';
  const reader = answer.body!.getReader();
  const end = setTimeout(() => void reader.cancel(), 1_000);
  for (let part = await reader.read(); !part.done; part = await reader.read())
    text += Buffer.from(part.value).toString();
  clearTimeout(end);
  return text;
}

test('no answer of REST or MCP holds a secret', async () => {
  for (const operation of await operationsOf(world.stack.publicUrl)) {
    if (operation.method !== 'GET') continue;
    const connection = world.connectionId;
    const path = operation.path.replace('/api/v1', '').replace(/\{\w+\}/, connection);
    answers.push(await textOf(path));
  }
  for (const answer of answers) expect(found(answer), answer.slice(0, 400)).toEqual([]);
});

test('no log line of any service holds a secret', () => {
  const logs = join(world.stack.dataDir, 'logs');
  const files = readdirSync(logs);
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) {
    expect(found(readFileSync(join(logs, file), 'utf8')), file).toEqual([]);
  }
});

test('no row of the database holds a secret in the clear', async () => {
  await eventually('the calls are sealed', async () => {
    const { rows } = await world.admin.pool.query<{ n: string }>(
      `select count(*) as n from audit_event where tenant_id = $1 and tool = 'sealed_echo'`,
      [world.workspace.tenantId],
    );
    return Number(rows[0]!.n) >= 1;
  });
  const { rows: tables } = await world.admin.pool.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname = 'public'`,
  );
  expect(tables.length).toBeGreaterThan(15);
  for (const { name } of tables) {
    const { rows } = await world.admin.pool.query<{ text: string }>(
      `select coalesce(string_agg(t::text, E'\\n'), '') as text from ${name} t`,
    );
    expect(found(rows[0]!.text), name).toEqual([]);
  }
});
