import { inTurn, round } from './rounds.mjs';
import { median } from './stats.mjs';

/**
 * What waiting for the disk adds to p50 at one connection (ms): governed calls in turn as they are and, on
 * the same stack, with commits that are not waited for. Nothing but this measurement may do the second.
 */
export async function measureDiskShare({ stack, load, rounds, pace }) {
  const p50 = async () => {
    const [sample] = await inTurn({ subjects: { stack }, load, connections: 1, rounds: 1, pace });
    return sample.p50;
  };
  const shares = [];
  for (let i = 0; i < rounds; i++) {
    const waiting = await p50();
    await stack.asAdmin('alter system set synchronous_commit = off');
    await stack.asAdmin('select pg_reload_conf()');
    shares.push(waiting - (await p50()));
    await stack.asAdmin('alter system reset synchronous_commit');
    await stack.asAdmin('select pg_reload_conf()');
  }
  return round(median(shares));
}
