import { setTimeout as sleep } from 'node:timers/promises';
import type { StackOptions } from './options.js';
import { filesOf } from './stack/layout.js';
import { lockHolder } from './stack/lock.js';

/** The gateway ends its calls, then the others theirs; most often nothing is left by then. */
const PATIENCE_MS = 60_000;

/** `conducktor down`: ends the stack of a data directory in order. Resolves with the exit status. */
export async function down(options: StackOptions): Promise<number> {
  const files = filesOf(options.data);
  const pid = lockHolder(files.lock);
  if (pid === undefined) {
    process.stdout.write(`No Conducktor runs in ${options.data}.\n`);
    return 0;
  }
  const started = Date.now();
  process.stdout.write('Stopping …\n');
  process.kill(pid, 'SIGTERM');
  while (lockHolder(files.lock) === pid) {
    if (Date.now() - started > PATIENCE_MS) {
      // Its parts notice that it is gone and end by themselves.
      process.kill(pid, 'SIGKILL');
      await sleep(5_000);
      process.stdout.write(
        `It did not stop within ${PATIENCE_MS / 1000} s and was killed; see ${files.log('supervisor')}.\n`,
      );
      return 1;
    }
    await sleep(100);
  }
  process.stdout.write(`Stopped (${((Date.now() - started) / 1000).toFixed(1)} s).\n`);
  return 0;
}
