import type { Redis } from 'ioredis';
import { GCRA_SCRIPT, GIVE_BACK_SCRIPT, type LimitProfile } from './gcra.js';
import { holdTo, leftOf, newLease, waitOf, type Lease, type Terms } from './lease.js';

// Tokens not used by then are lost rather than spent in a later window.
const LEASE_LIFE_MS = 1_000;
// A lease of at least so many is filled up when its last quarter or its last moments begin, so that calls
// do not wait for Redis; a smaller one would be filled up all the time.
const RENEWED_TOKENS = 20;
const RENEWED_MS = 200;
// Of what Redis said to be empty it is not asked again by every call, but soon: another replica may give
// tokens back.
const EMPTY_MS = 1_000;
// Without Redis every replica counts for itself, and each gets only this part.
const LOCAL_SHARE = 0.5;
// A Redis that is frozen answers only by the command's time limit: not every call waits for that.
const AWAY_MS = 1_000;
const IDLE_MS = 300_000;

/** Something with an allowance; `key` names it among all, and begins with its workspace. */
export interface Limited {
  key: string;
  profile: LimitProfile;
}

/** The limit that keeps a call waiting longest. */
export interface Refused<Limit extends Limited = Limited> {
  by: Limit;
  retryAfterMs: number;
}

interface Scripts {
  gcra(count: number, ...args: (string | number)[]): Promise<number[]>;
  gcraBack(count: number, ...args: (string | number)[]): Promise<unknown>;
}

/**
 * Rate limits shared by all replicas: tokens are leased from a GCRA in Redis and spent locally.
 * Redis away means the stricter local limiter, never no limit.
 */
export class TokenLeases {
  private readonly leases = new Map<string, Lease>();
  private readonly scripts: Scripts;
  private readonly timer: NodeJS.Timeout;
  private awayUntil = -Infinity;

  constructor(
    redis: Redis,
    private readonly now: () => number = () => performance.now(),
  ) {
    redis.defineCommand('gcra', { lua: GCRA_SCRIPT });
    redis.defineCommand('gcraBack', { lua: GIVE_BACK_SCRIPT });
    this.scripts = redis as unknown as Scripts;
    this.timer = setInterval(() => this.forgetIdle(), 60_000);
    this.timer.unref();
  }

  /** Takes one token of `key`. Resolves to 0, or to the milliseconds until one is free. */
  take(key: string, profile: LimitProfile): number | Promise<number> {
    const now = this.now();
    const lease = this.leaseOf(key, profile, now);
    if (leftOf(lease, now) > 0) {
      this.spend(lease, now);
      return 0;
    }
    return waitOf(lease, now) || this.draw([lease]).then((refused) => refused?.retryAfterMs ?? 0);
  }

  /** Takes one token of each, or none of any: undefined, or what refuses. */
  takeAll<Limit extends Limited>(
    limits: readonly Limit[],
  ): Refused<Limit> | undefined | Promise<Refused<Limit> | undefined> {
    const now = this.now();
    const leases = limits.map(({ key, profile }) => this.leaseOf(key, profile, now));
    const refused = longestWait(leases, now);
    if (refused) return named(limits, refused);
    if (leases.every((lease) => leftOf(lease, now) > 0)) {
      for (const lease of leases) this.spend(lease, now);
      return undefined;
    }
    return this.draw(leases).then((late) => late && named(limits, late));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private spend(lease: Lease, now: number): void {
    lease.tokens--;
    if (lease.low > 0 && (lease.tokens < lease.low || lease.until - now < RENEWED_MS))
      this.renew(lease, now);
  }

  /**
   * Nothing is spent before there is a token of each. What is missing is drawn at once; callers that come
   * while a draw is under way wait for it, then look again or draw for themselves.
   */
  private async draw(leases: readonly Lease[]): Promise<Wait | undefined> {
    const drawnFor = new Set<Lease>();
    while (true) {
      const now = this.now();
      if (now < this.awayUntil) return takeLocally(leases, now);
      const refused = longestWait(leases, now);
      if (refused) {
        for (const lease of drawnFor) this.giveBack(lease, now);
        return refused;
      }
      const missing = leases.filter((lease) => leftOf(lease, now) === 0);
      if (missing.length === 0) {
        for (const lease of leases) this.spend(lease, now);
        return undefined;
      }
      for (const lease of missing) {
        lease.waiting++;
        drawnFor.add(lease);
      }
      const idle = missing.filter(({ drawing }) => drawing === undefined);
      if (idle.length > 0) this.startDrawing(idle);
      try {
        await Promise.all(missing.map(({ drawing }) => drawing));
      } catch {
        this.awayUntil = this.now() + AWAY_MS;
        return takeLocally(leases, this.now());
      } finally {
        for (const lease of missing) lease.waiting--;
      }
    }
  }

  private renew(lease: Lease, now: number): void {
    if (lease.drawing || now < this.awayUntil) return;
    this.startDrawing([lease]).catch(() => (this.awayUntil = this.now() + AWAY_MS));
  }

  private startDrawing(leases: readonly Lease[]): Promise<void> {
    const drawing = this.askRedis(leases).finally(() => {
      for (const lease of leases) lease.drawing = undefined;
    });
    for (const lease of leases) lease.drawing = drawing;
    return drawing;
  }

  private async askRedis(leases: readonly Lease[]): Promise<void> {
    // One turn later, so that everyone who came in this one is counted.
    await Promise.resolve();
    const asked = leases.map((lease) => {
      const { terms, waiting } = lease;
      const ahead = terms.whole - leftOf(lease, this.now());
      return { lease, terms, wanted: Math.max(1, ahead, Math.min(waiting, 64)) };
    });
    const keys = asked.flatMap(({ terms }) => terms.keys);
    const answer = await this.scripts.gcra(
      keys.length,
      ...keys,
      ...asked.flatMap(({ terms, wanted }) => [wanted, terms.keys.length, ...terms.numbers]),
    );
    const now = this.now();
    asked.forEach(({ lease, terms, wanted }, index) => {
      // Drawn under allowances that have changed meanwhile: lost.
      if (lease.terms === terms)
        fill(lease, wanted, { granted: answer[2 * index]!, retryMs: answer[2 * index + 1]! }, now);
    });
  }

  /**
   * One unspent token that was drawn for a call that another limit refuses. Only while the lease lives, so
   * that no more may pass in any time than with the lease spent; and only if nobody else waits for it.
   */
  private giveBack(lease: Lease, now: number): void {
    const { terms } = lease;
    if (leftOf(lease, now) <= lease.waiting) return;
    lease.tokens--;
    if (terms.back++ === 0) queueMicrotask(() => this.sendBack(terms));
  }

  private sendBack(terms: Terms): void {
    const count = terms.back;
    terms.back = 0;
    this.scripts
      .gcraBack(terms.keys.length, ...terms.keys, count, ...terms.numbers)
      // They are lost then, as those of a lease that nobody spent.
      .catch(() => {});
  }

  private leaseOf(key: string, profile: LimitProfile, now: number): Lease {
    let lease = this.leases.get(key);
    if (lease) holdTo(lease, profile);
    else this.leases.set(key, (lease = newLease(key, profile)));
    lease.usedAt = now;
    return lease;
  }

  private forgetIdle(): void {
    const oldest = this.now() - IDLE_MS;
    for (const [key, lease] of this.leases) if (lease.usedAt < oldest) this.leases.delete(key);
  }
}

interface Wait {
  index: number;
  retryAfterMs: number;
}

const named = <Limit extends Limited>(
  limits: readonly Limit[],
  { index, retryAfterMs }: Wait,
): Refused<Limit> => ({ by: limits[index]!, retryAfterMs });

function longest(waits: readonly number[]): Wait | undefined {
  const retryAfterMs = Math.max(...waits);
  return retryAfterMs > 0 ? { index: waits.indexOf(retryAfterMs), retryAfterMs } : undefined;
}

function longestWait(leases: readonly Lease[], now: number): Wait | undefined {
  // The common case, without an array of waits.
  if (leases.every(({ askAt }) => askAt <= now)) return undefined;
  return longest(leases.map((lease) => waitOf(lease, now)));
}

function fill(
  lease: Lease,
  wanted: number,
  { granted, retryMs }: { granted: number; retryMs: number },
  now: number,
): void {
  // What is left is kept. Only what was missing was asked for, so it never piles up to a burst.
  lease.tokens = leftOf(lease, now) + granted;
  lease.until = now + LEASE_LIFE_MS;
  // Where the allowance is nearly spent every call would ask ahead.
  lease.low = lease.terms.whole < RENEWED_TOKENS || granted < wanted ? 0 : lease.terms.whole / 4;
  const isEmpty = lease.tokens === 0 && retryMs > 0;
  lease.freeAt = isEmpty ? now + retryMs : 0;
  lease.askAt = isEmpty ? now + Math.min(retryMs, EMPTY_MS) : 0;
}

/** What was leased while Redis was there is spent first. */
function takeLocally(leases: readonly Lease[], now: number): Wait | undefined {
  const own = leases.map((lease) =>
    leftOf(lease, now) > 0 ? undefined : { local: lease.local, profile: stricter(lease.terms) },
  );
  const refused = longest(own.map((each) => each?.local.waitOf(each.profile, now) ?? 0));
  if (refused) return refused;
  leases.forEach((lease, index) => {
    const each = own[index];
    if (each) each.local.spend(each.profile, now);
    else lease.tokens--;
  });
  return undefined;
}

function stricter({ profile }: Terms): LimitProfile {
  return profile.map(({ limit, windowMs }) => ({
    limit: Math.max(1, Math.floor(limit * LOCAL_SHARE)),
    windowMs,
  }));
}
