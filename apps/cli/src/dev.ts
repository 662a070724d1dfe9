import { join } from 'node:path';
import { spawnGuarded } from '@conducktor/embedded';
import type { StackOptions } from './options.js';
import { REPOSITORY } from './stack/layout.js';
import { up } from './up.js';

/** `npm run dev`: the stack, a compiler that watches the sources, and a restart of what it rebuilt. */
export async function dev(options: StackOptions): Promise<number> {
  const compiler = await spawnGuarded(
    process.execPath,
    [join(REPOSITORY, 'node_modules/typescript/bin/tsc'), '-b', '--watch', '--preserveWatchOutput'],
    { cwd: REPOSITORY, stdout: 'pipe' },
  );
  compiler.child.stdout?.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().split('\n'))
      if (/error TS|Found \d+ error/.test(line)) process.stdout.write(`${line}\n`);
  });
  try {
    return await up({ ...options, watch: true, detach: false });
  } finally {
    await compiler.stop(2_000);
  }
}
