// A call that several limits apply to takes a token of each or of none, on one real Redis and several replicas.
import { connectRedis } from '@conducktor/runtime';
import { createTestDatabase, startFaultProxy, type TestDatabase } from '@conducktor/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LimitProfile } from '../gcra.js';
import { TokenLeases, type Limited } from '../token-leases.js';

const DAY_MS = 86_400_000;

let database: TestDatabase;
const redises: ReturnType<typeof connectRedis>[] = [];
const opened: TokenLeases[] = [];
async function open(now?: () => number, url = database.redisUrl) {
  const redis = connectRedis(url);
  redises.push(redis);
  await new Promise((resolve) => redis.once('ready', resolve));
  const leases = new TokenLeases(redis, now);
  opened.push(leases);
  return leases;
}

let replicas: [TokenLeases, TokenLeases];
/** Moves for the replicas only when a test says so: their leases end then. */
let clock = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  replicas = [await open(() => clock), await open(() => clock)];
});
afterAll(async () => {
  for (const leases of opened) leases.stop();
  for (const redis of redises) redis.disconnect();
  await database.drop();
});

let workspaces = 0;
/** So many calls a day: none comes back while a test runs. */
function limits(...counts: number[]): Limited[] {
  const workspace = `many-${++workspaces}`;
  return counts.map((limit, n) => ({
    key: n === 0 ? workspace : `${workspace}:${n}`,
    profile: [{ limit, windowMs: DAY_MS }],
  }));
}
const passes = async (leases: TokenLeases, wanted: readonly Limited[]) =>
  (await leases.takeAll(wanted)) === undefined;
/** What is left of a limit, by taking it on both replicas, those leased before the clock moves first. */
async function drain(limit: Limited): Promise<number> {
  let taken = 0;
  for (let round = 0; round < 2; round++) {
    for (const leases of replicas) while (await passes(leases, [limit])) taken++;
    clock += 2_000;
  }
  return taken;
}

describe('a call under several limits', () => {
  it('is refused by the one that keeps it waiting longest, and uses up nothing of the others', async () => {
    const [workspace, person, tool] = limits(10, 2, 4);
    const hour: LimitProfile = [{ limit: 1, windowMs: 3_600_000 }];
    const wanted = [workspace!, person!, tool!];
    for (let n = 0; n < 2; n++) expect(await passes(replicas[0], wanted)).toBe(true);
    for (let n = 0; n < 20; n++) {
      const refused = await replicas[n % 2]!.takeAll(wanted);
      expect(refused?.by).toBe(person);
      expect(refused?.retryAfterMs).toBeGreaterThan(DAY_MS / 2 - 60_000);
      clock += 1_500;
    }
    const client = { key: `${workspace!.key}:client`, profile: hour };
    expect(await passes(replicas[0], [client])).toBe(true);
    expect((await replicas[0].takeAll([client, person!]))?.by).toBe(person);
    expect((await replicas[1].takeAll([workspace!, client]))?.by).toBe(client);
    expect([await drain(workspace!), await drain(tool!)]).toEqual([8, 2]);
  });

  it('gives back at once what was drawn for it while it came with others', async () => {
    const [workspace, person, other] = limits(40, 10, 40);
    const answers = await Promise.all([
      ...Array.from({ length: 30 }, () => passes(replicas[0], [workspace!, person!])),
      ...Array.from({ length: 5 }, () => passes(replicas[0], [workspace!, other!])),
    ]);
    expect(answers.filter(Boolean)).toHaveLength(15);
    clock += 2_000;
    // Nothing of 25 was left in the lease, which has ended.
    expect(await drain(workspace!)).toBe(25);
  });

  it('counts every token once, whichever limits calls have in common: a model', async () => {
    const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 5 }),
        fc.array(
          fc.record({ mask: fc.integer({ min: 1, max: 31 }), replica: fc.nat(1), ms: fc.nat(700) }),
          { minLength: 1, maxLength: 25 },
        ),
        async (counts, steps) => {
          const all = limits(...counts);
          const left = [...counts];
          for (const { mask, replica, ms } of steps) {
            const chosen = all.flatMap((_, n) => (mask & (1 << n) ? [n] : []));
            if (chosen.length === 0) continue;
            const may = chosen.every((n) => left[n]! > 0);
            const refused = await replicas[replica]!.takeAll(chosen.map((n) => all[n]!));
            expect(refused === undefined).toBe(may);
            if (may) for (const n of chosen) left[n]!--;
            else expect(left[all.indexOf(refused!.by)]).toBe(0);
            clock += ms;
          }
          for (const [n, limit] of all.entries()) expect(await drain(limit)).toBe(left[n]);
        },
      ),
      { seed, numRuns: 25 },
    );
  });

  it('counts every token once when calls come at the same moment', async () => {
    const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 5 }),
        fc.array(fc.record({ mask: fc.integer({ min: 1, max: 31 }), replica: fc.nat(1) }), {
          minLength: 2,
          maxLength: 60,
        }),
        async (counts, calls) => {
          const all = limits(...counts);
          const passed = counts.map(() => 0);
          await Promise.all(
            calls.map(async ({ mask, replica }) => {
              const chosen = all.flatMap((_, n) => (mask & (1 << n) ? [n] : []));
              if (chosen.length === 0) return;
              if (
                await passes(
                  replicas[replica]!,
                  chosen.map((n) => all[n]!),
                )
              )
                for (const n of chosen) passed[n]!++;
            }),
          );
          for (const [n, limit] of all.entries())
            expect(passed[n]! + (await drain(limit))).toBe(counts[n]);
        },
      ),
      { seed, numRuns: 25 },
    );
  });

  it('does not wait while leases hold tokens', async () => {
    const profile = [{ limit: 60_000, windowMs: 60_000 }];
    const wanted = ['', ':a', ':b', ':c', ':d'].map((end) => ({ key: `ahead${end}`, profile }));
    expect(await replicas[0].takeAll(wanted)).toBeUndefined();
    for (let n = 0; n < 100; n++) expect(replicas[0].takeAll(wanted)).toBeUndefined();
  });

  it('is held to a changed allowance at once', async () => {
    const [{ key }] = limits(1) as [Limited];
    const under = (limit: number, windowMs: number) => [{ key, profile: [{ limit, windowMs }] }];
    expect(await passes(replicas[0], under(2, DAY_MS))).toBe(true);
    expect(await passes(replicas[0], under(2, DAY_MS))).toBe(true);
    expect(await passes(replicas[0], under(2, DAY_MS))).toBe(false);
    // The same part of it is used up, and comes back sooner.
    expect((await replicas[0].takeAll(under(86_400, DAY_MS)))?.retryAfterMs).toBeLessThan(1_001);
    expect(await passes(replicas[0], under(1, 3_600_000))).toBe(true);
    expect(await passes(replicas[0], under(1, 3_600_000))).toBe(false);
  });

  it('is limited by each more strictly while Redis is away, and by all of them again afterwards', async () => {
    const url = new URL(database.redisUrl);
    const proxy = await startFaultProxy({ port: Number(url.port) });
    url.port = String(proxy.port);
    const leases = await open(undefined, url.href);
    const [workspace, person] = limits(20, 8);
    const both = [workspace!, person!];
    const count = async (wanted: Limited[]) => {
      let passed = 0;
      for (let n = 0; n < 40; n++) if (await passes(leases, wanted)) passed++;
      return passed;
    };
    expect(await passes(leases, both)).toBe(true);
    await proxy.set('reset');
    // Half of each; a refused call takes nothing of the other.
    expect(await count(both)).toBe(4);
    expect(await count([workspace!])).toBe(6);
    await proxy.set('pass');
    await expect.poll(() => redises.at(-1)!.status, { timeout: 5_000 }).toBe('ready');
    await expect.poll(() => count(both), { timeout: 5_000 }).toBe(7);
    leases.stop();
    await proxy.close();
  });
});
