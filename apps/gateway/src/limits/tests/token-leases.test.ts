import { connectRedis } from '@conducktor/runtime';
import { createTestDatabase, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalGcra, limitProfiles } from '../gcra.js';
import { TokenLeases } from '../token-leases.js';

let database: TestDatabase;
const redises: ReturnType<typeof connectRedis>[] = [];
const open = (now?: () => number) => {
  const redis = connectRedis(database.redisUrl);
  redises.push(redis);
  return new Promise<TokenLeases>((resolve) =>
    redis.once('ready', () => resolve(new TokenLeases(redis, now))),
  );
};

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  for (const redis of redises) redis.disconnect();
  await database.drop();
});

describe('token leases', () => {
  it('let the whole allowance pass at once, across replicas, and nothing more', async () => {
    const replicas = [await open(), await open()];
    const profile = limitProfiles(100).standard;
    const waits = await Promise.all(
      Array.from({ length: 200 }, (_, n) => replicas[n % 2]!.take('workspace-a', profile)),
    );
    const passed = waits.filter((wait) => wait === 0).length;
    // One token a second comes back while the test runs.
    expect(passed).toBeGreaterThanOrEqual(60);
    expect(passed).toBeLessThanOrEqual(63);
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(1_000);
  });

  it('keep workspaces apart', async () => {
    const leases = await open();
    const profile = [{ limit: 1, windowMs: 60_000 }];
    expect(await leases.take('workspace-b', profile)).toBe(0);
    expect(await leases.take('workspace-b', profile)).toBeGreaterThan(50_000);
    expect(await leases.take('workspace-c', profile)).toBe(0);
  });

  it('draw ahead for a busy workspace and never exceed the hour', async () => {
    const leases = await open();
    const profile = [
      { limit: 60_000, windowMs: 60_000 },
      { limit: 500, windowMs: 3_600_000 },
    ];
    let passed = 0;
    for (let i = 0; i < 800; i++) if ((await leases.take('workspace-d', profile)) === 0) passed++;
    expect(passed).toBe(500);
  });

  it('are renewed before they are spent, for no more than the allowance', async () => {
    const leases = await open();
    // 40 tokens a lease.
    const profile = [{ limit: 200, windowMs: 1_000 }];
    expect(await leases.take('workspace-g', profile)).toBe(0);
    let waited = 0;
    for (let n = 0; n < 120; n++) {
      const taken = leases.take('workspace-g', profile);
      if (typeof taken !== 'number') waited++;
      expect(await taken).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    leases.stop();
    // Where this process itself stood still, a lease may have ended.
    expect(waited).toBeLessThanOrEqual(1);
    // All at once, then what comes back in the meantime.
    const busy = await open();
    const began = performance.now();
    let all = 0;
    for (let n = 0; n < 800; n++) if ((await busy.take('workspace-h', profile)) === 0) all++;
    busy.stop();
    expect(all).toBeGreaterThanOrEqual(200);
    expect(all).toBeLessThanOrEqual(200 + Math.ceil((performance.now() - began) / 5) + 1);
  });

  it('draw no more than is spent and one lease, however slowly it is spent', async () => {
    let now = 0;
    const leases = await open(() => now);
    const redis = redises.at(-1)!;
    const script = (redis as unknown as { gcra: (...args: unknown[]) => Promise<number[]> }).gcra;
    let drawn = 0;
    Object.assign(redis, {
      gcra: async (...args: unknown[]) => {
        const answer = await script.apply(redis, args);
        drawn += answer[0]!;
        return answer;
      },
    });
    const profile = [{ limit: 6_000, windowMs: 60_000 }];
    for (let n = 0; n < 50; n++) {
      expect(await leases.take('workspace-i', profile)).toBe(0);
      // What was asked ahead is there before the clock goes on.
      await Promise.resolve();
      await redis.ping();
      await new Promise((resolve) => setImmediate(resolve));
      now += 100;
    }
    leases.stop();
    expect(drawn).toBeLessThanOrEqual(50 + 20);
  });

  it('let calls pass again at once when the clock of Redis was set back', async () => {
    const leases = await open();
    const profile = limitProfiles(100).host;
    await redises.at(-1)!.set('limit:{workspace-j}:60000', Date.now() + 3_600_000);
    expect(await leases.take('workspace-j', profile)).toBe(0);
    leases.stop();
  });

  it('do not make every call wait for a Redis that is frozen', async () => {
    const frozen = {
      defineCommand: () => {},
      gcra: () =>
        new Promise((_, reject) => setTimeout(() => reject(new Error('Command timed out')), 200)),
    } as unknown as ReturnType<typeof connectRedis>;
    const leases = new TokenLeases(frozen);
    const profile = limitProfiles(100).standard;
    const startedAt = performance.now();
    for (let n = 0; n < 10; n++) expect(await leases.take('workspace-f', profile)).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(600);
    leases.stop();
  });

  it('limit more strictly on their own when Redis is away', async () => {
    const redis = connectRedis('redis://127.0.0.1:1/0');
    redises.push(redis);
    const leases = new TokenLeases(redis);
    const profile = limitProfiles(100).standard;
    const waits = [];
    for (let i = 0; i < 60; i++) waits.push(await leases.take('workspace-e', profile));
    const passed = waits.filter((wait) => wait === 0).length;
    expect(passed).toBeGreaterThanOrEqual(30);
    expect(passed).toBeLessThanOrEqual(32);
  });
});

describe('local GCRA', () => {
  it('gives back one token per emission interval', () => {
    const gcra = new LocalGcra();
    const profile = [{ limit: 2, windowMs: 1_000 }];
    expect([gcra.take(profile, 0), gcra.take(profile, 0), gcra.take(profile, 0)]).toEqual([
      0, 0, 500,
    ]);
    expect(gcra.take(profile, 499)).toBe(1);
    expect(gcra.take(profile, 500)).toBe(0);
  });
});
