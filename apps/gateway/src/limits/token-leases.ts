import type { Redis } from 'ioredis';
import { GCRA_SCRIPT, LocalGcra, type LimitProfile } from './gcra.js';

// Tokens are drawn about this far ahead, so that a busy workspace asks Redis a few times a second.
const LEASE_SECONDS = 0.2;
// Tokens not used by then are lost rather than spent in a later window.
const LEASE_LIFE_MS = 1_000;
// A lease of at least so many is filled up when its last quarter or its last moments begin, so that calls
// do not wait for Redis; a smaller one would be filled up all the time.
const RENEWED_TOKENS = 20;
const RENEWED_MS = 200;
// Without Redis every replica counts for itself, and each gets only this part.
const LOCAL_SHARE = 0.5;
// A Redis that is frozen answers only by the command's time limit: not every call waits for that.
const AWAY_MS = 1_000;
const IDLE_MS = 300_000;

interface Lease {
  tokens: number;
  until: number;
  /** With fewer left it is renewed while they last; 0: not before they are spent. */
  low: number;
  local: LocalGcra;
  drawing: Promise<number> | undefined;
  waiting: number;
  usedAt: number;
}

/**
 * Rate limits shared by all replicas: tokens are leased from a GCRA in Redis and spent locally.
 * Redis away means the stricter local limiter, never no limit.
 */
export class TokenLeases {
  private readonly leases = new Map<string, Lease>();
  private readonly timer: NodeJS.Timeout;
  private awayUntil = -Infinity;

  constructor(
    private readonly redis: Redis,
    private readonly now: () => number = () => performance.now(),
  ) {
    redis.defineCommand('gcra', { lua: GCRA_SCRIPT });
    this.timer = setInterval(() => this.forgetIdle(), 60_000);
    this.timer.unref();
  }

  /** Takes one token of `key`. Resolves to 0, or to the milliseconds until one is free. */
  take(key: string, profile: LimitProfile): number | Promise<number> {
    const now = this.now();
    const lease = this.leaseOf(key);
    lease.usedAt = now;
    if (lease.tokens > 0 && lease.until > now) {
      lease.tokens--;
      if (lease.low > 0 && (lease.tokens < lease.low || lease.until - now < RENEWED_MS))
        this.renew(key, lease, profile, now);
      return 0;
    }
    return this.draw(key, lease, profile);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async draw(key: string, lease: Lease, profile: LimitProfile): Promise<number> {
    // Callers that come while a draw is under way wait for it, then look again or draw for themselves.
    while (true) {
      if (this.now() < this.awayUntil) return lease.local.take(stricter(profile), this.now());
      lease.waiting++;
      lease.drawing ??= this.askRedis(key, lease, profile).finally(
        () => (lease.drawing = undefined),
      );
      let wait: number;
      try {
        wait = await lease.drawing;
      } catch {
        this.awayUntil = this.now() + AWAY_MS;
        return lease.local.take(stricter(profile), this.now());
      } finally {
        lease.waiting--;
      }
      if (lease.tokens > 0) {
        lease.tokens--;
        return 0;
      }
      if (wait > 0) return wait;
    }
  }

  private renew(key: string, lease: Lease, profile: LimitProfile, now: number): void {
    if (lease.drawing || now < this.awayUntil) return;
    lease.drawing = this.askRedis(key, lease, profile).finally(() => (lease.drawing = undefined));
    lease.drawing.catch(() => (this.awayUntil = this.now() + AWAY_MS));
  }

  private async askRedis(key: string, lease: Lease, profile: LimitProfile): Promise<number> {
    const perSecond = Math.min(...profile.map(({ limit, windowMs }) => (limit * 1_000) / windowMs));
    const whole = Math.ceil(perSecond * LEASE_SECONDS);
    // One turn later, so that everyone who came in this one is counted.
    await Promise.resolve();
    const wanted = Math.max(1, whole - leftOf(lease, this.now()), Math.min(lease.waiting, 64));
    const keys = profile.map((_, index) => `limit:{${key}}:${index}`);
    const [granted, retryMs] = await (
      this.redis as unknown as {
        gcra(count: number, ...args: (string | number)[]): Promise<[number, number]>;
      }
    ).gcra(
      keys.length,
      ...keys,
      wanted,
      ...profile.flatMap(({ limit, windowMs }) => [limit, windowMs]),
    );
    const now = this.now();
    // What is left is kept. Only what was missing was asked for, so it never piles up to a burst.
    lease.tokens = leftOf(lease, now) + granted;
    lease.until = now + LEASE_LIFE_MS;
    // Where the allowance is nearly spent every call would ask ahead.
    lease.low = whole < RENEWED_TOKENS || granted < wanted ? 0 : whole / 4;
    return lease.tokens > 0 ? 0 : Math.max(1, retryMs);
  }

  private leaseOf(key: string): Lease {
    let lease = this.leases.get(key);
    if (!lease) {
      lease = {
        tokens: 0,
        until: 0,
        low: 0,
        local: new LocalGcra(),
        drawing: undefined,
        waiting: 0,
        usedAt: 0,
      };
      this.leases.set(key, lease);
    }
    return lease;
  }

  private forgetIdle(): void {
    const oldest = this.now() - IDLE_MS;
    for (const [key, lease] of this.leases) if (lease.usedAt < oldest) this.leases.delete(key);
  }
}

const leftOf = ({ tokens, until }: Lease, now: number) => (until > now ? tokens : 0);

function stricter(profile: LimitProfile): LimitProfile {
  return profile.map(({ limit, windowMs }) => ({
    limit: Math.max(1, Math.floor(limit * LOCAL_SHARE)),
    windowMs,
  }));
}
