// Names, arguments and variables made to run something: at every door that takes them, from every role.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MANAGEMENT_CONNECTION, newId, type RefreshRequest } from '@conducktor/contracts';
import { RpcClient } from '@conducktor/runtime';
import { injectionCorpus, type SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openManagement, type ManagementServer } from '../src/management/management-server.js';
import { startControl, type Browser, type ControlService } from './harness.js';
import { ROLES } from './roles/matrix.js';

const dir = mkdtempSync(join(tmpdir(), 'conducktor-injection-'));
const { names, args, env } = injectionCorpus(join(dir, 'canary'));
const key = randomBytes(32);
/** What the worker is asked for: it is told of a connection, and of nothing that is in it. */
const asked: RefreshRequest[] = [];
let service: ControlService;
let server: ManagementServer;
let gateway: RpcClient;
let workspace: SeededWorkspace;
let browser: Browser;
let slugs = 0;

beforeAll(async () => {
  service = await startControl();
  server = await openManagement(service.control, { host: '127.0.0.1', port: 0, key });
  gateway = new RpcClient({ address: `127.0.0.1:${server.port}`, key, instanceId: 'gateway-1' });
  await gateway.whenReady(5_000);
  workspace = await service.seed();
  browser = await service.browser(workspace.owner.userId);
  service.worker.answer = (request) => {
    asked.push(request);
    return { status: 'ERROR', reason: 'None.', tools: [], ms: 1 };
  };
});
afterAll(async () => {
  gateway.close();
  await server.stop();
  await service.stop();
  rmSync(dir, { recursive: true });
});

const isPlain = (text: string) => !text.includes('\0') && text.length <= 4_096;
const slug = () => `s${++slugs}`;
const ask = (method: string, path: string, body: unknown) =>
  service.call(workspace.owner.apiKey, method, `/api/v1/connections${path}`, body);
const manage = async (given: object) => {
  const { memberId, keyId } = workspace.owner;
  const { outcome } = await gateway.call({
    key: { epoch: 1, tick: 1, ordinal: ++slugs },
    callId: newId('call'),
    tenantId: workspace.tenantId,
    memberId,
    clientId: keyId,
    connectionId: MANAGEMENT_CONNECTION,
    revision: 0,
    method: 'tools/call',
    name: 'conducktr_create_connection',
    argumentsJson: JSON.stringify(given),
    timeoutMs: 10_000,
    progress: false,
  });
  return { status: outcome === 'ok' ? 201 : 400 };
};
const page = (id: string, name: string, value: string, by: Browser) =>
  fetch(`${service.origin}/connections/${id}/secret`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: by.cookie, origin: service.origin },
    body: new URLSearchParams({ csrf: by.csrf, name0: name, value0: value, do: 'save' }),
  });

/** What is tried where, and sends it. */
type Attempt = [what: string, send: () => Promise<{ status: number }>];

function attempts(id: string): Attempt[] {
  const stdio = (more: object) => ({
    slug: slug(),
    kind: 'mcp-stdio',
    catalog: 'witness',
    ...more,
  });
  const doors = (what: string, given: object): Attempt[] => [
    [`POST ${what}`, () => ask('POST', '', stdio(given))],
    [`PATCH ${what}`, () => ask('PATCH', `/${id}`, given)],
    [`test ${what}`, () => ask('POST', `/${id}/test`, given)],
    [`tool ${what}`, () => manage(stdio(given))],
  ];
  // Those that are plain data go together: what matters of them is that they stay what they are.
  const plain = args.filter(isPlain);
  const variables = env.filter(([name, value]) => /^[A-Z_]+$/i.test(name) && isPlain(value));
  return [
    ...names.flatMap((catalog) => doors(`catalog ${JSON.stringify(catalog)}`, { catalog })),
    ...doors('args', { args: plain }),
    ...args
      .filter((arg) => !isPlain(arg))
      .flatMap((arg) => doors(`args ${JSON.stringify(arg)}`, { args: [arg] })),
    ...doors('env', { env: Object.fromEntries(variables) }),
    ...env
      .filter((pair) => !variables.includes(pair))
      .flatMap(([name, value]) =>
        doors(`env ${JSON.stringify(name)}`, { env: Object.fromEntries([[name, value]]) }),
      ),
    ...env.map(
      ([name, value]) => [`page ${name}`, () => page(id, name, value, browser)] satisfies Attempt,
    ),
    // What would be a command, in the words of other products.
    ...['command', 'cmd', 'shell', 'cwd', 'executable', 'program', 'entrypoint'].flatMap((field) =>
      doors(field, { [field]: '/bin/sh' }),
    ),
    ...doors('args as text', { args: 'a b' }),
    ...doors('env as list', { env: ['NODE_OPTIONS=x'] }),
  ];
}

it('no name but one of a catalogue, and no text but plain data, is ever stored', async () => {
  const id = (await ask('POST', '', { slug: slug(), kind: 'mcp-stdio', catalog: 'files' })).body[
    'id'
  ];
  const odd: string[] = [];
  const all = attempts(id as string);
  let next = 0;
  const work = async () => {
    while (next < all.length) {
      const [what, send] = all[next++]!;
      const { status } = await send();
      if (![200, 201, 303, 400].includes(status)) odd.push(`${what}: ${status}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  expect(odd).toEqual([]);
  const { rows } = await service.admin.pool.query<{ catalog: string; args: string[] }>(
    'select catalog, args from connection where tenant_id = $1',
    [workspace.tenantId],
  );
  expect(rows.length).toBeGreaterThan(8);
  expect(new Set(rows.map(({ catalog }) => catalog))).toEqual(
    new Set(
      ['files', 'witness', 'sh', 'node', 'touch', 'constructor'].filter((name) =>
        rows.some(({ catalog }) => catalog === name),
      ),
    ),
  );
  expect(rows.flatMap((row) => row.args).filter((arg) => !args.includes(arg))).toEqual([]);
  const fields = new Set(asked.flatMap((request) => Object.keys(request)));
  expect(
    [...fields].filter((field) => !/^(tenantId|connectionId|timeoutMs|memberId)$/.test(field)),
  ).toEqual([]);
});

it('nobody but an owner or admin has any of it looked at', async () => {
  const id = (await ask('POST', '', { slug: slug(), kind: 'mcp-stdio', catalog: 'files' })).body[
    'id'
  ];
  const before = asked.length;
  for (const role of ROLES) {
    if (role === 'owner' || role === 'admin') continue;
    await service.admin.pool.query('update member set roles = $2 where id = $1', [
      workspace.owner.memberId,
      [role],
    ]);
    for (const given of [
      { catalog: 'sh', args: ['$(touch x)'] },
      { args: ['$(touch x)'] },
      { env: { NODE_OPTIONS: '--eval=1' } },
    ]) {
      const made = { slug: slug(), kind: 'mcp-stdio', catalog: 'files', ...given };
      const statuses = [
        (await ask('POST', '', made)).status,
        (await ask('PATCH', `/${id}`, given)).status,
        (await ask('POST', `/${id}/test`, {})).status,
        (await page(id as string, 'NODE_OPTIONS', '--eval=1', browser)).status,
        (await manage(made)).status,
      ];
      expect([role, ...statuses]).toEqual([role, 403, 403, 403, 403, 400]);
    }
  }
  await service.admin.pool.query("update member set roles = '{owner}' where id = $1", [
    workspace.owner.memberId,
  ]);
  expect(asked.length).toBe(before);
});
