import { ConducktorError } from '@conducktor/contracts';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFailedAttempts, FAILED_KEYS } from '../src/http/failed-attempts.js';
import { startControl, type ControlService } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
beforeAll(async () => {
  service = await startControl();
  workspace = await service.seed();
});
afterAll(() => service.stop());

const made = (n: number) => `ck_${String(n).padStart(22, '0')}_${'a'.repeat(43)}`;
const me = (key: string, address: string) =>
  fetch(`${service.origin}/api/v1/me`, {
    headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': address },
  });

describe('somebody who tries keys out', () => {
  it('is refused before anything is read, and told when to come back; others are not hindered', async () => {
    const attacker = '198.51.100.7';
    await me(workspace.owner.apiKey, attacker);
    const answers = await Promise.all(
      Array.from({ length: FAILED_KEYS.burst + 40 }, (_, n) => me(made(n), attacker)),
    );
    const refused = answers.filter(({ status }) => status === 429);
    // As much as is forgiven while they ran may have come through besides.
    expect(refused.length).toBeGreaterThan(10);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(FAILED_KEYS.burst);
    const one = refused[0]!;
    expect(Number(one.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await one.json()).toMatchObject({ code: 'rate_limited', status: 429 });

    // A key that was good before is good still, from the same address; and every key from elsewhere.
    expect((await me(workspace.owner.apiKey, attacker)).status).toBe(200);
    expect((await me(made(1), '198.51.100.8')).status).toBe(401);
    // The right key for the first time, from the address of the attack, has to wait with it.
    expect((await me(workspace.member.apiKey, attacker)).status).toBe(429);
  });

  it('is one network, whatever addresses of it are used', async () => {
    const answers = await Promise.all(
      Array.from({ length: FAILED_KEYS.burst + 40 }, (_, n) =>
        me(made(n), `2001:db8:1:2::${(n + 1).toString(16)}`),
      ),
    );
    expect(answers.some(({ status }) => status === 429)).toBe(true);
  });
});

describe('failures', () => {
  const refused = () => Promise.reject(new ConducktorError('unauthenticated', 'no'));
  const code = (work: Promise<unknown>) =>
    work.then(
      () => 'ok',
      (error: ConducktorError) => error.code,
    );

  it('are forgiven one by one, and count even while many are under way', async () => {
    let now = 1_000_000;
    const failures = createFailedAttempts(() => now);
    const at = (n: number) => code(failures.guard('192.0.2.1', `k${n}`, refused));
    const all = await Promise.all(Array.from({ length: FAILED_KEYS.burst + 5 }, (_, n) => at(n)));
    expect(all.filter((each) => each === 'rate_limited')).toHaveLength(5);
    now += FAILED_KEYS.everyMs;
    expect([await at(1), await at(2)]).toEqual(['unauthenticated', 'rate_limited']);
  });

  it('of our own, such as a database that is away, are nobody’s fault', async () => {
    const failures = createFailedAttempts(() => 1_000_000);
    const away = () => Promise.reject(new ConducktorError('governance_unavailable', 'away'));
    for (let n = 0; n < FAILED_KEYS.burst * 2; n++)
      expect(await code(failures.guard('192.0.2.1', `k${n}`, away))).toBe('governance_unavailable');
  });

  it('of a key that was good end its privilege', async () => {
    const failures = createFailedAttempts(() => 1_000_000);
    await failures.guard('192.0.2.1', 'revoked', async () => 'fine');
    for (let n = 0; n < FAILED_KEYS.burst - 1; n++)
      await code(failures.guard('192.0.2.1', `k${n}`, refused));
    expect(await code(failures.guard('192.0.2.1', 'revoked', refused))).toBe('unauthenticated');
    expect(await code(failures.guard('192.0.2.1', 'revoked', refused))).toBe('rate_limited');
  });
});
