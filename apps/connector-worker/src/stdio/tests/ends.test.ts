import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { startTestWorker } from '../../tests/support.js';
import { createFixtures, processesWith } from './fixture.js';

const { dir: fixtures, fixture, remove } = createFixtures();
afterAll(remove);

describe('limits and ends', () => {
  it('no more servers than allowed: unavailable', async () => {
    const small = await startTestWorker({
      MAX_CONCURRENT_SERVERS: 1,
      catalogue: { pid: fixture('one', `text(id, process.pid)`) },
    });
    const [a, b] = [
      await small.connect({ catalog: 'pid' }),
      await small.connect({ catalog: 'pid' }),
    ];
    expect((await small.call(a, 'x')).outcome).toBe('ok');
    expect(await small.call(b, 'x')).toMatchObject({
      outcome: 'unavailable',
      message: expect.stringContaining('MAX_CONCURRENT_SERVERS'),
    });
    await small.stop();
  });

  it('stopping the worker leaves no process behind, not even what a server started', async () => {
    const small = await startTestWorker({
      catalogue: {
        pid: fixture('two', `text(id, process.pid)`),
        children: fixture(
          'child',
          `import('node:child_process').then(({ spawn }) => { spawn('sleep', ['777.7'], { stdio: 'ignore' }); text(id, 'x'); })`,
        ),
      },
    });
    await small.call(await small.connect({ catalog: 'pid' }), 'x');
    await small.call(await small.connect({ catalog: 'children' }), 'x');
    expect(processesWith('777.7')).toHaveLength(1);
    await small.stop();
    expect(processesWith(small.dir)).toEqual([]);
    await expect.poll(() => processesWith('777.7')).toEqual([]);
  });

  it.each(['bubblewrap', 'none'])(
    'killing the worker (-9) leaves no process behind: %s',
    async (sandbox) => {
      const marker = `conducktor-orphan-${sandbox}-${process.pid}`;
      const server = fixture(`orphan-${sandbox}`, `text(id, process.pid)`) as { args: string[] };
      // Holds on although its input ends, as a bad server may.
      writeFileSync(
        server.args[0]!,
        `${readFileSync(server.args[0]!, 'utf8')}\nsetInterval(() => {}, 1000); process.on('SIGTERM', () => {}); process.title = '${marker}';`,
      );
      const code = `
      import { ServerProcess } from ${JSON.stringify(new URL('../../../dist/stdio/server-process.js', import.meta.url).href)};
      import { probeSandbox, unsandboxed } from ${JSON.stringify(new URL('../../../dist/stdio/sandbox.js', import.meta.url).href)};
      const sandbox = ${sandbox === 'none' ? `unsandboxed('test')` : 'await probeSandbox()'};
      const plan = { command: process.execPath, args: ${JSON.stringify([...server.args, marker])}, env: {}, cwd: '/tmp', readOnlyPaths: [${JSON.stringify(fixtures)}, process.execPath], writablePaths: [], network: false, memoryMb: 500 };
      const server = new ServerProcess(plan, sandbox, { onLine: (line) => console.log(line), onOverlong() {}, onExit: (reason) => console.log(reason) });
      server.write(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x', params: {} }));
      setInterval(() => {}, 1000);`;
      const worker = spawn(process.execPath, ['--input-type=module', '-e', code], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((resolve) => worker.stdout.once('data', resolve));
      expect(processesWith(marker).length).toBeGreaterThan(0);
      worker.kill('SIGKILL');
      await expect.poll(() => processesWith(marker), { timeout: 30_000 }).toEqual([]);
    },
  );
});
