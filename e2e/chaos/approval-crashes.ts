// Approved calls, two at each point between grant and answer (one of each mode); then somebody is killed with
// -9. Afterwards: what the upstream counted, what the request says, what journal and audit hold, what the
// client was told.
import { startFaultProxy } from '@conducktor/testing';
import { endsOf, POINTS, VICTIMS, type End, type Point, type Victim } from './approval-points.ts';
import { SCENES, type Scene } from './approval-scenes.ts';
import { ApprovalStage, eventually, type ApprovalRecords } from './approval-stage.ts';
import { ApprovedCall } from './approved-call.ts';
import { GATEWAYS, WORKERS, type Installation, type Part } from './installation.ts';
import { processesOf, signal } from './processes.ts';
import type { Random } from './random.ts';
import type { Upstream } from './upstream.ts';
import { makeWorkspaces } from './workspaces.ts';

export interface ApprovalCrashes {
  installation: Installation;
  upstream: Upstream;
  random: Random;
  /** How often each victim is killed in each scene; 0: each once, in whichever. */
  rounds: number;
  /** Waits until nothing is held open any more. */
  patient: boolean;
  say: (sentence: string) => void;
}

export interface ApprovalCrashReport {
  kills: number;
  calls: number;
  /** How many calls ended how, and what their clients were told. */
  ends: Record<string, number>;
  /** What is not as it must be. */
  findings: string[];
}

const approvers = { roles: ['owner'] };
const POLICY = {
  version: 1,
  default: 'allow',
  rules: [
    { id: 'run', when: { tools: ['up_write_note'] }, effect: 'require_approval', approvers },
    {
      id: 'wait',
      when: { tools: ['up_delete_note'] },
      effect: 'require_approval',
      approvers,
      onApproval: 'wait',
    },
  ],
};
// On a slow machine a scene takes its time, and none of its calls is to run into this meanwhile.
const TIMEOUT_MS = 15_000;
/** Deadline, the journal's grace, and the time until somebody looks: then nothing is held open any more. */
const OVERDUE_MS = TIMEOUT_MS + 5_000 + 30_000 + 10_000;
const BACK_MS = 45_000;

export async function killDuringApprovals(of: ApprovalCrashes): Promise<ApprovalCrashReport> {
  const { installation, upstream, random, patient, say } = of;
  const more = { timeoutMs: TIMEOUT_MS, policy: POLICY };
  const [workspace] = await makeWorkspaces(installation, 1, more);
  const stage = new ApprovalStage({ installation, upstream, workspace: workspace! });
  const report: ApprovalCrashReport = { kills: 0, calls: 0, ends: {}, findings: [] };
  for (const [scene, victim] of planKills(random, of.rounds)) {
    const started = performance.now();
    const calls = await killDuring(stage, random, scene, victim, patient, report.findings);
    report.kills++;
    report.calls += calls.length;
    for (const call of calls) {
      const { end, findings } = await judge(stage, call, victim, patient);
      const key = `${call.point}, ${victim} killed: ${end}, told ${await call.told}`;
      report.ends[key] = (report.ends[key] ?? 0) + 1;
      const about = `${call.point}; ${victim} killed; ${call.mode} ${call.requestId}`;
      for (const finding of findings)
        report.findings.push(`${about}: ${finding}; heard: ${call.said.join(' | ')}`);
    }
    const took = Math.round((performance.now() - started) / 100) / 10;
    say(`${calls.length} approved calls on their way, ${victim} killed: ${took} s`);
  }
  return report;
}

function planKills(random: Random, rounds: number): (readonly [Scene, Victim])[] {
  const scenes = random.shuffle(SCENES);
  if (rounds === 0)
    return random.shuffle(VICTIMS).map((victim, n) => [scenes[n % scenes.length]!, victim]);
  return Array.from({ length: rounds }, () =>
    random.shuffle(scenes.flatMap((scene) => VICTIMS.map((victim) => [scene, victim] as const))),
  ).flat();
}

/** Sets the scene, kills, lets everything go on, and waits until clients know and all is back. */
async function killDuring(
  stage: ApprovalStage,
  random: Random,
  scene: Scene,
  victim: Victim,
  patient: boolean,
  findings: string[],
): Promise<ApprovedCall[]> {
  const { installation } = stage;
  await stage.untilCallsFlow();
  const killed = random.pick(GATEWAYS);
  const first = installation.gateways[GATEWAYS.indexOf(killed)]!;
  const others = installation.gateways.filter((url) => url !== first);
  const calls: ApprovedCall[] = [];
  for (const point of scene.points)
    for (const mode of ['run', 'wait'] as const) {
      // What `wait` is made by the gateway that its client asked.
      const wire = await startFaultProxy({ port: Number(new URL(first).port) });
      const note = `${point} ${random.next()}`;
      const to = { gateways: [...others, first], apiKey: stage.workspace.apiKey };
      calls.push(new ApprovedCall({ note, mode, point, wire }, to));
    }
  await stage.untilAsked(calls);
  const goOn = await scene.set(stage, (point) => calls.filter((call) => call.point === point));
  const parts: readonly Part[] = {
    gateway: [killed],
    worker: WORKERS,
    postgres: ['postgres'] as const,
  }[victim];
  const units = parts.map((part) => installation.units.get(part)!);
  const before = new Map(
    [...installation.units.values()].map((unit) => [unit, unit.view.restarts]),
  );
  for (const part of parts) signal(processesOf(installation, part).slice(0, 1), 'SIGKILL');
  await goOn();
  for (const call of calls) call.giveUpAfter(patient ? OVERDUE_MS : patienceWith(call, victim));
  await Promise.all(calls.map((call) => call.told));
  await eventually(
    'everything is back',
    async () =>
      units.every((unit) => unit.view.restarts > before.get(unit)!) &&
      [...installation.units.values()].every(({ view }) => view.status === 'running'),
    BACK_MS,
  );
  const ended = [...installation.units.values()]
    .filter((unit) => !units.includes(unit) && unit.view.restarts > before.get(unit)!)
    .map(({ view }) => view.name);
  if (ended.length > 0) findings.push(`${victim} killed, and it took ${ended.join(', ')} with it`);
  for (const { wire } of calls) await wire.close();
  await stage.rejectPending();
  return calls;
}

const mayBeHeld = ({ point }: { point: Point }, victim: Victim) =>
  endsOf(point, victim).includes('held');
const patienceWith = (call: ApprovedCall, victim: Victim) =>
  mayBeHeld(call, victim) ? 3_000 : 30_000;

/** What came of an approved call, and what of that is not as it must be. */
async function judge(
  stage: ApprovalStage,
  call: ApprovedCall,
  victim: Victim,
  patient: boolean,
): Promise<{ end: End; findings: string[] }> {
  const mayWait = mayBeHeld(call, victim) && !patient;
  // Sealing and late outcomes take a moment.
  await eventually('it is over', async () => {
    const now = await stage.recordsOf(call);
    return isOver(now) || (mayWait && now.status !== 'done');
  }).catch(() => {});
  const records = await stage.recordsOf(call);
  const told = await call.told;
  const times = stage.upstream.arrived.get(call.note) ?? 0;
  const end = endOf(records);
  const allowed = endsOf(call.point, victim).filter((one) => one !== 'held' || !patient);
  if (call.mayBeLost) allowed.push('unknown');
  const tellings: Record<End, readonly string[]> = {
    ok: POINTS[call.point].givesResult ? ['result'] : ['result', 'outcome_unknown'],
    unknown: ['outcome_unknown'],
    'not sent': ['upstream_unavailable'],
    held: ['nothing', 'outcome_unknown'],
  };
  const findings: string[] = [];
  const must = (isSo: boolean, finding: string) => void (isSo || findings.push(finding));
  must(times <= 1, `executed ${times} times`);
  must(records.intents === 1, `${records.intents} intents`);
  must(allowed.includes(end), `ended as ${end}: ${JSON.stringify(records)}`);
  must(end !== 'ok' || times === 1, `succeeded, and was executed ${times} times`);
  must(end !== 'not sent' || times === 0, 'not sent, and was executed');
  must(end === 'held' || isOver(records), `not in audit once: ${JSON.stringify(records)}`);
  must(tellings[end].includes(told), `ended as ${end}, told ${told}`);
  return { end, findings };
}

const isOver = ({ status, calls, outcomes }: ApprovalRecords) =>
  status === 'done' && calls === 1 && outcomes === 1;

function endOf({ status, outcome }: ApprovalRecords): End {
  if (status !== 'done') return 'held';
  if (outcome === 'ok') return 'ok';
  return outcome === 'not_sent' || outcome === 'unavailable' ? 'not sent' : 'unknown';
}
