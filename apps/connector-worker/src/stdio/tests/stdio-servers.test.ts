import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { createFixtures, textOf } from './fixture.js';

const require = createRequire(import.meta.url);
const script = (name: string): string =>
  require.resolve(`@modelcontextprotocol/${name}/dist/index.js`);
const files = mkdtempSync(join(tmpdir(), 'conducktor-files-'));
const { dir: fixtures, fixture, remove } = createFixtures();
let test: TestWorker;

beforeAll(async () => {
  writeFileSync(join(files, 'note.txt'), 'written by the test');
  process.env['CANARY_OF_THE_WORKER'] = 'must not be seen';
  test = await startTestWorker({
    MAX_CONCURRENT_SERVERS: 40,
    catalogue: {
      filesystem: {
        command: 'node',
        args: [script('server-filesystem'), files],
        writablePaths: [files],
      },
      memory: {
        command: 'node',
        args: [script('server-memory')],
        env: { MEMORY_FILE_PATH: '{state}/memory.json' },
      },
      env: {
        ...fixture(
          'env',
          `text(id, JSON.stringify({ env: process.env, args: process.argv.slice(2), uid: process.getuid() }))`,
        ),
        acceptsArgs: true,
        acceptsEnv: ['API_TOKEN'],
      },
      pid: fixture(
        'pid',
        `if (params.name === 'die') process.exit(3); if (params.name === 'hang') return; text(id, process.pid)`,
      ),
      reach: fixture(
        'reach',
        `import('node:fs').then(({ readFileSync }) => {
           const tried = {};
           for (const path of ${JSON.stringify([files, '/root', '/srv', '/var/lib', '/home'])}) { try { tried[path] = readFileSync(path + '/note.txt', 'utf8'); } catch (error) { tried[path] = error.code; } }
           import('node:net').then(({ connect }) => { const s = connect(Number(params.arguments.port), '127.0.0.1'); s.on('connect', () => text(id, JSON.stringify({ ...tried, net: 'reached' }))); s.on('error', (e) => text(id, JSON.stringify({ ...tried, net: e.code }))); });
         })`,
      ),
      flood: fixture(
        'flood',
        `if (params.name === 'flood') { const note = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: {} }) + '\\n'; const pour = () => { while (process.stdout.write(note.repeat(100))); process.stdout.once('drain', pour); }; pour(); } else text(id, 'fine')`,
      ),
      huge: fixture(
        'huge',
        `if (params.name === 'huge') text(id, 'x'.repeat(11 * 1024 * 1024)); else text(id, 'fine')`,
      ),
      wrong: fixture(
        'wrong',
        `send({ id: 4711, result: {} }); send({ id: String(id), result: {} }); process.stdout.write('no json\\n'); setTimeout(() => text(id, 'right'), 30)`,
      ),
      asks: fixture(
        'asks',
        `if (method === 'tools/call') { globalThis.call = id; send({ id: 'p', method: 'ping' }); send({ id: 's', method: 'sampling/createMessage' }); } else if (id === 's') text(globalThis.call, JSON.stringify(request))`,
      ),
      cancel: fixture(
        'cancel',
        `if (method === 'notifications/cancelled') globalThis.seen = params.requestId; if (method === 'tools/call' && params.name === 'seen') text(id, globalThis.seen)`,
      ),
      grows: {
        ...fixture(
          'grows',
          `globalThis.hold = Buffer.alloc(300 * 1024 * 1024, 1); setTimeout(() => text(id, 'grown'), 20000)`,
        ),
        memoryMb: 150,
      },
      broken: { command: 'node', args: [join(fixtures, 'not-there.mjs')] },
      modern: { command: 'node', args: [join(fixtures, 'modern.mjs')] },
    },
  });
  writeFileSync(
    join(fixtures, 'modern.mjs'),
    `import { createInterface } from 'node:readline';
     const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
     createInterface({ input: process.stdin }).on('line', (line) => {
       const { id, method, params } = JSON.parse(line);
       if (params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== '2026-07-28') return send({ id, error: { code: -32022, message: 'unsupported', data: { supported: ['2026-07-28'] } } });
       if (method === 'server/discover') return send({ id, result: { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {}, serverInfo: {} } });
       send({ id, result: { resultType: 'complete', content: [{ type: 'text', text: 'modern ' + params.name }] } });
     });`,
  );
});
afterAll(async () => {
  await test.stop();
  remove();
  rmSync(files, { recursive: true, force: true });
});

describe('the real servers', () => {
  it('server-filesystem lists and reads', async () => {
    const id = await test.connect({ catalog: 'filesystem' });
    const list = await test.client.refresh({ tenantId: test.tenantId, connectionId: id });
    expect(list).toMatchObject({ status: 'ACTIVE' });
    expect(list.tools.map((tool) => tool['name'])).toContain('read_text_file');
    expect(await test.call(id, 'read_text_file', { path: join(files, 'note.txt') })).toMatchObject({
      outcome: 'ok',
      resultJson: expect.stringContaining('written by the test'),
    });
    expect(await test.call(id, 'read_text_file', { path: '/etc/passwd' })).toMatchObject({
      outcome: 'error',
    });
  });

  it('server-memory remembers, for its own connection only, also across a restart', async () => {
    const [a, b] = [
      await test.connect({ catalog: 'memory' }),
      await test.connect({ catalog: 'memory' }),
    ];
    const entity = {
      entities: [{ name: 'Ada', entityType: 'person', observations: ['likes engines'] }],
    };
    expect((await test.call(a, 'create_entities', entity)).outcome).toBe('ok');
    expect((await test.call(a, 'read_graph')).resultJson).toContain('likes engines');
    expect((await test.call(b, 'read_graph')).resultJson).not.toContain('likes engines');
    // A new revision: a new process over the same directory.
    await test.db.withTenant(test.tenantId, (tx) =>
      tx.query('update connection set revision = 2 where id = $1', [a]),
    );
    expect((await test.call(a, 'read_graph', {}, { revision: 2 })).resultJson).toContain(
      'likes engines',
    );
  });

  it('a server of 2026-07-28 alone is spoken to in its own way', async () => {
    const id = await test.connect({ catalog: 'modern' });
    expect(textOf((await test.call(id, 'hello')).resultJson)).toBe('modern hello');
  });
});

describe('what a server is given', () => {
  it('is what the catalogue and the connection say, and nothing of the worker', async () => {
    const id = await test.connect({
      catalog: 'env',
      args: ['value'],
      env: { API_TOKEN: 'for this connection' },
    });
    const seen = JSON.parse(textOf((await test.call(id, 'x')).resultJson)) as {
      env: Record<string, string>;
      args: string[];
    };
    expect(seen.args).toEqual(['value']);
    expect(
      Object.keys(seen.env)
        .filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name))
        .sort(),
    ).toEqual(['API_TOKEN', 'HOME', 'LANG', 'PATH', 'TMPDIR']);
    expect(seen.env['API_TOKEN']).toBe('for this connection');
    expect(JSON.stringify(seen)).not.toContain('must not be seen');
  });

  it.each([
    ['an option', { catalog: 'env', args: ['--eval=1'] }],
    [
      'a shell line (it stays one argument of a server that takes none)',
      { catalog: 'pid', args: ['; touch /tmp/pwned'] },
    ],
    ['a variable that runs code', { catalog: 'env', env: { NODE_OPTIONS: '--require /tmp/x.js' } }],
    ['a variable that the entry does not name', { catalog: 'pid', env: { API_TOKEN: 'x' } }],
    ['a server that is not in the catalogue', { catalog: '../../bin/sh' }],
  ])('is never %s', async (_what, connection) => {
    const id = await test.connect(connection);
    expect((await test.call(id, 'x')).outcome).toBe('unavailable');
    expect(await test.client.refresh({ tenantId: test.tenantId, connectionId: id })).toMatchObject({
      status: 'ERROR',
      tools: [],
    });
  });

  it('in a sandbox: no file that is not named, and no network', async ({ skip }) => {
    if (test.worker.sandbox !== 'bubblewrap') skip();
    const id = await test.connect({ catalog: 'reach' });
    const seen = JSON.parse(
      textOf((await test.call(id, 'x', { port: test.worker.rpcPort })).resultJson),
    ) as Record<string, string>;
    expect(seen).toEqual({
      [files]: 'ENOENT',
      '/root': 'ENOENT',
      '/srv': 'ENOENT',
      '/var/lib': 'ENOENT',
      '/home': 'ENOENT',
      net: 'ECONNREFUSED',
    });
  });
});

describe('a server that', () => {
  it('dies in a call: unknown, and it is there again for the next one', async () => {
    const id = await test.connect({ catalog: 'pid' });
    const first = textOf((await test.call(id, 'x')).resultJson);
    expect(textOf((await test.call(id, 'x')).resultJson)).toBe(first);
    expect(await test.call(id, 'die')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('ended with code 3'),
    });
    expect((await test.call(id, 'x')).outcome).toBe('ok');
  });

  it('cannot be started: said in words, with its own last ones', async () => {
    const id = await test.connect({ catalog: 'broken' });
    expect(await test.client.refresh({ tenantId: test.tenantId, connectionId: id })).toMatchObject({
      status: 'ERROR',
      reason: expect.stringMatching(/ended.*code 1/),
    });
  });

  it('hangs: timeout, and other calls go on', async () => {
    const id = await test.connect({ catalog: 'pid' });
    const hanging = test.call(id, 'hang', {}, { timeoutMs: 600 });
    expect((await test.call(id, 'x')).outcome).toBe('ok');
    expect((await hanging).outcome).toBe('timeout');
  });

  it('answers with wrong ids and no JSON: ignored', async () => {
    const id = await test.connect({ catalog: 'wrong' });
    expect(textOf((await test.call(id, 'x')).resultJson)).toBe('right');
  });

  it('asks us things: ping is answered, sampling is refused', async () => {
    const id = await test.connect({ catalog: 'asks' });
    expect(JSON.parse(textOf((await test.call(id, 'x')).resultJson))).toMatchObject({
      id: 's',
      error: { code: -32601 },
    });
  });

  it('is told of a cancellation', async () => {
    const id = await test.connect({ catalog: 'cancel' });
    await test.call(id, 'seen');
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 300);
    expect((await test.call(id, 'wait', {}, { signal: abort.signal })).outcome).toBe('cancelled');
    expect(Number(textOf((await test.call(id, 'seen')).resultJson))).toBeGreaterThan(0);
  });

  it('sends a huge result: discarded, and it goes on', async () => {
    const id = await test.connect({ catalog: 'huge' });
    expect(await test.call(id, 'huge')).toMatchObject({
      outcome: 'error',
      error: { message: expect.stringContaining('larger than 10 MB') },
    });
    expect((await test.call(id, 'x')).outcome).toBe('ok');
  });

  it('floods its output: ended, with the reason', async () => {
    const id = await test.connect({ catalog: 'flood' });
    expect(await test.call(id, 'flood')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('flooded'),
    });
    expect((await test.call(id, 'x')).outcome).toBe('ok');
  });

  it('takes more memory than it may: ended', async ({ skip }) => {
    if (process.platform !== 'linux') skip();
    const id = await test.connect({ catalog: 'grows' });
    expect(await test.call(id, 'x', {}, { timeoutMs: 15_000 })).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('150 MB'),
    });
  });
});
