import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { createFixtures, processesWith, textOf } from './fixture.js';

const { dir, fixture, remove } = createFixtures();
const path = process.env['PATH'];
let test: TestWorker;

beforeAll(async () => {
  // No bubblewrap is found there.
  process.env['PATH'] = '/nonexistent';
  test = await startTestWorker({
    catalogue: {
      env: fixture('env', `text(id, JSON.stringify({ env: process.env, cwd: process.cwd() }))`),
      die: fixture('die', `if (params.name === 'die') process.exit(3); text(id, process.pid)`),
      stubborn: fixture(
        'stubborn',
        `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); text(id, 'x')`,
      ),
    },
  });
  process.env['PATH'] = path;
});
afterAll(async () => {
  await test.stop();
  remove();
});

describe('where bubblewrap is missing', () => {
  it('the worker says so', () => {
    expect(test.worker.sandbox).toBe('none: bubblewrap is not installed');
  });

  it('a server still gets an environment and a directory of its own', async () => {
    const id = await test.connect({ catalog: 'env' });
    const seen = JSON.parse(textOf((await test.call(id, 'x')).resultJson)) as {
      env: Record<string, string>;
      cwd: string;
    };
    expect(Object.keys(seen.env).sort()).toEqual(['HOME', 'LANG', 'PATH', 'TMPDIR']);
    expect(seen.cwd).toContain(id);
  });

  it('a server that dies in a call is started again', async () => {
    const id = await test.connect({ catalog: 'die' });
    expect(await test.call(id, 'die')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('code 3'),
    });
    const pid = Number(textOf((await test.call(id, 'x')).resultJson));
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain(dir);
  });

  it('a server that ignores every polite end is gone when the worker stopped', async () => {
    expect((await test.call(await test.connect({ catalog: 'stubborn' }), 'x')).outcome).toBe('ok');
    await test.worker.stop();
    await expect.poll(() => processesWith(dir)).toEqual([]);
  });
});
