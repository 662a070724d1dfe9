// Faults under load on an installation of their own, the short way: every service of the call path is
// killed, and some other things happen; then worker, gateway and Postgres while approved calls are between
// grant and answer. `npm run chaos` has all kinds of faults, and disks and clocks.
import { expect, test } from 'vitest';
import { recoveryTable } from './chaos/recovery.ts';
import { runChaos } from './chaos/run.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1e9));

test(`whatever is killed, nothing is lost, done twice or mixed up (CHAOS_SEED=${seed})`, async () => {
  const report = await runChaos({
    seed,
    faults: 9,
    calls: 0,
    workspaces: 2,
    loops: 8,
    pauseMs: 15,
    batch: 9,
    approvalRounds: 0,
    short: true,
    say: console.log,
  });
  console.log(`${recoveryTable(report.recovery)}\n${JSON.stringify(report.figures)}`);
  expect(report.stuck, 'calls succeed again after each fault').toEqual([]);
  expect(report.findings.filter(({ count }) => count > 0)).toEqual([]);
  expect(report.figures['acknowledged']).toBeGreaterThan(100);
  expect(report.faults).toBeGreaterThanOrEqual(9);
  // Each made at most once, recorded once, and its client told so, whoever was killed at whichever point.
  expect(report.approvals?.findings).toEqual([]);
  expect(report.approvals?.kills).toBe(3);
}, 240_000);
