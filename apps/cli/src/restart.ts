import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError, type StackOptions } from './options.js';
import { filesOf } from './stack/layout.js';
import { lockHolder } from './stack/lock.js';
import { readState, type UnitView } from './stack/state.js';

/** What calls and people meet comes last, when everything behind it is new. */
const IN_TURN = ['connector-worker', 'audit', 'billing-usage', 'auth', 'control', 'gateway'];
/** A service ends what runs and comes back; the supervisor tries on after that. */
const PATIENCE_MS = 90_000;

/**
 * `conducktor restart [SERVICE]`: asks one service, or all in turn, to end in order; the supervisor starts
 * it anew, and the next one's turn comes when it is ready. Nothing that was answered is lost, and what
 * comes meanwhile waits or is refused in words. Resolves with the exit status.
 */
export async function restart(options: StackOptions): Promise<number> {
  const files = filesOf(options.data);
  const [service] = options.words;
  if (service !== undefined && !IN_TURN.includes(service))
    throw new UsageError(`There is no service "${service}"; there are ${IN_TURN.join(', ')}.`);
  if (lockHolder(files.lock) === undefined) {
    process.stdout.write(`No Conducktor runs in ${options.data}.\n`);
    return 1;
  }
  const unit = (name: string): UnitView | undefined =>
    readState(files.state)?.services.find((one) => one.name === name);
  for (const name of service === undefined ? IN_TURN : [service]) {
    const before = unit(name);
    if (before?.status !== 'running' || before.pid === null) {
      process.stdout.write(`${name} is not running; see ${files.log(name)}.\n`);
      return 1;
    }
    const began = Date.now();
    process.kill(before.pid, 'SIGTERM');
    for (;;) {
      await sleep(50);
      const now = unit(name);
      if (now?.status === 'running' && now.pid !== before.pid) break;
      if (Date.now() - began > PATIENCE_MS || lockHolder(files.lock) === undefined) {
        process.stdout.write(`${name} did not come back; see ${files.log(name)}.\n`);
        return 1;
      }
    }
    process.stdout.write(`${name} restarted (${((Date.now() - began) / 1000).toFixed(1)} s)\n`);
  }
  return 0;
}
