import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

// The build leaves tests and benches out; they are held to the same types here. What they import of sources is
// not checked again: it comes as the declarations that the build wrote.
test('tests and benches keep the types', { timeout: 240_000 }, () => {
  const root = resolve(import.meta.dirname, '../..');
  const tsc = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/typescript-native/bin/tsc'),
      '-p',
      'tsconfig.tests-of-built.json',
      // Several at once check much of it each for itself; other tests run meanwhile.
      '--checkers',
      '1',
    ],
    { cwd: root, encoding: 'utf8' },
  );
  expect(tsc.status, tsc.stdout).toBe(0);
});
