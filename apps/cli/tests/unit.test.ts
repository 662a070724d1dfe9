import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, runningProcess } from '@conducktor/embedded';
import { createLogger } from '@conducktor/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serviceUnit } from '../src/stack/service.js';
import { createUnit, type Unit } from '../src/stack/unit.js';

const logger = createLogger('test', 'silent');
let dir: string;
let unit: Unit | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'conducktor-unit-'));
});
afterEach(async () => {
  await unit?.stop();
  rmSync(dir, { recursive: true });
});

/** A service in a few lines; `ready` is what it answers on /readyz. */
async function service(body: string): Promise<Unit> {
  const program = join(dir, 'service.mjs');
  writeFileSync(program, body);
  const port = await freePort();
  unit = createUnit(
    serviceUnit({
      name: 'sample',
      args: [program],
      cwd: dir,
      env: { PORT: String(port) },
      port,
      health: true,
      log: join(dir, 'sample.log'),
    }),
    { logger, onChange: () => undefined },
  );
  return unit;
}

const SERVING = `
import { createServer } from 'node:http';
createServer((request, response) => response.end('{}')).listen(process.env.PORT, '127.0.0.1');
`;

test('a service that is killed is back by itself, as another process', async () => {
  const { view, start } = await service(SERVING);
  await start();
  const first = view.pid!;
  process.kill(first, 'SIGKILL');
  await expect
    .poll(() => view.status === 'running' && view.pid !== first, { timeout: 30_000 })
    .toBe(true);
  expect(view.restarts).toBe(1);
  expect(runningProcess(first)).toBeUndefined();
});

test('stopping ends it and does not bring it back', async () => {
  const { view, start, stop } = await service(SERVING);
  await start();
  const pid = view.pid!;
  await stop();
  expect(view).toMatchObject({ status: 'stopped', pid: null });
  expect(runningProcess(pid)).toBeUndefined();
});

test('one that ends while it starts fails the start with its own last words', async () => {
  const { start, view } = await service(
    `process.stderr.write('DCR_MODE must be one of open, token, off.\\n'); process.exit(78);`,
  );
  await expect(start()).rejects.toThrow(
    /^sample ended while it started: DCR_MODE must be one of open, token, off\. \(.*sample\.log\)\.$/,
  );
  expect(view.status).toBe('stopped');
});

test('a failed start that mends itself is tried again', async () => {
  const { start, view } = await service(`
import { existsSync, writeFileSync } from 'node:fs';
if (!existsSync('tried')) { writeFileSync('tried', ''); process.exit(1); }
${SERVING}`);
  await start();
  expect(view).toMatchObject({ status: 'running', restarts: 1 });
});
