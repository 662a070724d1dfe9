// `npm run chaos`: the whole stack under load, faults drawn from a seed, and the comparison of what
// clients were told, what the upstream received and what the journal says.
//
//   --seed N     repeats the faults of a run; a new one is drawn and printed when left out
//   --faults N   60 when left out
//   --calls N    the load goes on until this many were made
//   --approvals N  afterwards, worker, gateway and Postgres are each killed N times in each scene of approved
//                calls, at every point between grant and answer
//   --dir DIR    keeps logs, the ledger and report.json there
//   --json       prints the report as JSON, progress on standard error
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const NODE = ['--disable-warning=ExperimentalWarning'];
// In mounts of its own, so that a small disk never outlives the run, however that ends.
if (process.getuid?.() === 0 && !process.env.CONDUCKTOR_CHAOS_MOUNTS) {
  const unshare = ['--mount', '--propagation', 'private'];
  if (spawnSync('unshare', [...unshare, 'true']).status === 0) {
    const args = [...unshare, process.execPath, ...NODE, ...process.argv.slice(1)];
    const env = { ...process.env, CONDUCKTOR_CHAOS_MOUNTS: 'private' };
    process.exit(spawnSync('unshare', args, { stdio: 'inherit', env }).status ?? 1);
  }
}

const { runChaos } = await import('./chaos/run.ts');
const { recoveryTable } = await import('./chaos/recovery.ts');
const given = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const json = process.argv.includes('--json');
const say = (sentence) => (json ? process.stderr : process.stdout).write(`${sentence}\n`);
const seed = Number(given('--seed', Math.floor(Math.random() * 1e9)));
const dir = given('--dir');
const approvals = given('--approvals');

say(`seed ${seed}`);
const report = await runChaos({
  seed,
  faults: Number(given('--faults', 60)),
  calls: Number(given('--calls', 0)),
  workspaces: 6,
  loops: 24,
  pauseMs: 60,
  batch: 30,
  short: false,
  ...(approvals !== undefined && { approvalRounds: Number(approvals) }),
  say,
  ...(dir && { dir: resolve(dir) }),
});
if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
else print(report);
const failed =
  report.stuck.length > 0 ||
  (report.approvals?.findings.length ?? 0) > 0 ||
  report.findings.some(({ count }) => count > 0);
process.stdout.write('', () => process.exit(failed ? 1 : 0));

function print({ recovery, figures, findings, stuck, ...rest }) {
  say(`\nmilliseconds from the end of a fault until calls succeeded everywhere\n`);
  say(recoveryTable(recovery));
  say(`\nseed ${rest.seed}: ${rest.faults} faults in ${rest.seconds} s`);
  for (const [name, value] of Object.entries(figures)) say(`${String(value).padStart(8)}  ${name}`);
  say('');
  for (const { check, count, examples } of findings) {
    say(`${String(count).padStart(8)}  ${check}`);
    for (const example of examples) say(`          ${example}`);
  }
  for (const one of stuck) say(`NOT BACK  ${one}`);
  if (rest.approvals) printApprovals(rest.approvals);
}

function printApprovals({ kills, calls, ends, findings }) {
  say(`\n${kills} kills during ${calls} approved calls; they ended as`);
  for (const [end, times] of Object.entries(ends)) say(`${String(times).padStart(8)}  ${end}`);
  say(`${String(findings.length).padStart(8)}  findings`);
  for (const finding of findings) say(`          ${finding}`);
}
