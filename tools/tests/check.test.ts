import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// Part of the test run, so that `npm test` is red when `npm run check` is.
test('format, lint, boundaries and docs are in order', () => {
  const check = spawnSync(process.execPath, [join(import.meta.dirname, '../check.mjs')], {
    encoding: 'utf8',
  });
  expect(check.status, check.stdout + check.stderr).toBe(0);
});
