import { createHash } from 'node:crypto';
import { ConducktorError } from '@conducktor/contracts';
import { networkOf } from '@conducktor/identity';

/** Failures at once from one network, and how fast they are forgiven. */
export const FAILED_KEYS = { burst: 100, everyMs: 1_000 };
/** What is kept in memory, of networks and of keys each. */
const MOST = 10_000;

export interface FailedAttempts {
  /**
   * Runs `verify` and counts when it throws `unauthenticated`. A network that has failed too often is
   * refused before anything is read, save with keys that were good before: whoever tries keys out
   * must not lock out those who hold one. Throws `rate_limited`.
   */
  guard<Result>(ip: string, key: string, verify: () => Promise<Result>): Promise<Result>;
}

/** Failed keys by network (GCRA, ITU-T I.371), in this process. */
export function createFailedAttempts(now: () => number = Date.now): FailedAttempts {
  const { burst, everyMs } = FAILED_KEYS;
  const wholeAt = new Map<string, number>();
  const good = new Set<string>();
  const charge = (network: string, ms: number) => {
    const until = Math.max(wholeAt.get(network) ?? 0, now()) + ms;
    // Back to the end of the order in which entries are forgotten.
    wholeAt.delete(network);
    if (until <= now()) return;
    makeRoom(wholeAt);
    wholeAt.set(network, until);
  };

  return {
    async guard(ip, key, verify) {
      const network = networkOf(ip);
      const hash = createHash('sha256').update(key).digest('base64');
      const known = good.has(hash);
      const waitMs = (wholeAt.get(network) ?? 0) + everyMs - now() - burst * everyMs;
      if (waitMs > 0 && !known) throw tooMany(waitMs);
      // Before it is known to fail, so that a thousand at once are no way around.
      charge(network, everyMs);
      try {
        const result = await verify();
        charge(network, -everyMs);
        makeRoom(good);
        good.add(hash);
        return result;
      } catch (error) {
        if (error instanceof ConducktorError && error.code === 'unauthenticated') good.delete(hash);
        else charge(network, -everyMs);
        throw error;
      }
    },
  };
}

function makeRoom(kept: Map<string, unknown> | Set<string>): void {
  if (kept.size < MOST) return;
  const [oldest] = kept.keys();
  if (oldest !== undefined) kept.delete(oldest);
}

function tooMany(waitMs: number): ConducktorError {
  return new ConducktorError(
    'rate_limited',
    `Too many wrong API keys from this address. Try again in ${Math.ceil(waitMs / 1000)} s.`,
    { detail: { retryAfterMs: Math.ceil(waitMs) } },
  );
}
