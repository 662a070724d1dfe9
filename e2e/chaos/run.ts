// A run: an installation under load, blow after blow, and after each batch the comparison of everything
// that was written down by anybody.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killDuringApprovals, type ApprovalCrashReport } from './approval-crashes.ts';
import { raiseCaps, reconcileSome, watchCaps } from './budgets.ts';
import { openClocks } from './clocks.ts';
import { readJournal, readLedger } from './evidence.ts';
import { endedBy, inject, type World } from './inject.ts';
import { SERVICES, startInstallation } from './installation.ts';
import { judge, type Verdict } from './judge.ts';
import { Load } from './load.ts';
import { mishapOf, type Mishap } from './mishaps.ts';
import { planBlows, type Blow } from './plan.ts';
import { seededRandom } from './random.ts';
import { processesOf, signal } from './processes.ts';
import { Recovery, type RecoveryRow } from './recovery.ts';
import { mountSmallDisk } from './small-disk.ts';
import { startUpstream } from './upstream.ts';
import { makeWorkspaces } from './workspaces.ts';

export interface RunOptions {
  seed: number;
  faults: number;
  /** The load goes on until this many were made. */
  calls: number;
  workspaces: number;
  loops: number;
  pauseMs: number;
  /** Faults between two judgements. */
  batch: number;
  /** Seconds, with neither disks nor clocks; calls may end held open. */
  short: boolean;
  /** Then approved calls while somebody is killed: see `killDuringApprovals`. */
  approvalRounds?: number;
  say: (sentence: string) => void;
  /** Logs, ledger and data are kept there; a temporary directory when left out. */
  dir?: string;
}

export interface Report extends Verdict {
  seed: number;
  faults: number;
  seconds: number;
  recovery: RecoveryRow[];
  /** Blows after which calls did not succeed again in time. */
  stuck: string[];
  skipped: string[];
  approvals?: ApprovalCrashReport;
}

/** A supervised restart with the longest pause between tries, and a database that recovers. */
const BACK_MS = 45_000;
/** Deadline of a call, the journal's grace, and some: after that nothing is held open any more. */
const OVERDUE_MS = 60_000;
const SETTLE_MS = 30_000;

export async function runChaos(options: RunOptions): Promise<Report> {
  const { seed, short } = options;
  const skipped: string[] = [];
  const skip = (sentence: string) => {
    skipped.push(sentence);
    options.say(sentence);
  };
  const started = performance.now();
  const random = seededRandom(seed);
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'conducktor-chaos-'));
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  const undo: (() => unknown)[] = options.dir
    ? []
    : [() => rmSync(dir, { recursive: true, force: true })];
  try {
    const disk = short ? undefined : mountSmallDisk(join(dir, 'data'), skip);
    if (disk) undo.push(() => disk.unmount());
    const clocks = short ? undefined : await openClocks(dir, skip);
    const upstream = await startUpstream(random);
    undo.push(() => upstream.close());
    const installation = await startInstallation({
      dataDir: join(dir, 'data'),
      logDir: join(dir, 'logs'),
      upstreamPort: upstream.port,
      random,
      ...(clocks && { envOf: clocks.envOf }),
    });
    undo.push(() => installation.stop());
    const workspaces = await makeWorkspaces(installation, options.workspaces);
    await watchCaps(installation.admin);
    options.say(`everything is up after ${seconds(started)} s; ${dir}`);

    const world: World = { installation, upstream, random, disk, clocks };
    const blows = planBlows(random, options.faults, {
      fillDisks: disk !== undefined,
      setClocks: clocks !== undefined,
      short,
    });
    const file = join(dir, 'ledger.jsonl');
    const recovery = new Recovery();
    const mishaps: Mishap[] = [];
    const stuck: string[] = [];
    let faults = 0;
    let earlier = 0;
    // With no fault to look back on there is nothing to judge: `--faults 0`.
    let verdict: Verdict = { findings: [], figures: {} };
    const settle = async (limitMs: number, heldToo: boolean) => {
      verdict = await settled(limitMs, heldToo, async () =>
        judge({
          evidence: {
            attempts: readLedger(file),
            ...(await readJournal(
              installation.admin,
              workspaces.map(({ tenantId }) => tenantId),
            )),
          },
          workspaces,
          arrived: upstream.arrived,
          mishaps,
        }),
      );
    };

    while (blows.length > 0) {
      const load = new Load({
        seed: Math.floor(random.next() * 2 ** 32),
        file,
        gateways: installation.gateways,
        tenants: workspaces,
        loops: options.loops,
        pauseMs: options.pauseMs,
      });
      await load.untilAllFlow(Date.now(), BACK_MS);
      for (const until = faults + options.batch; faults < until && blows.length > 0;) {
        const blow = blows.shift()!;
        const text = await strike(world, blow, load, recovery, mishaps, stuck);
        faults += blow.faults.length;
        await raiseCaps(installation.admin, workspaces);
        await reconcileSome(installation.admin, workspaces, random);
        options.say(`${faults}/${options.faults} ${text}; ${earlier + load.calls} calls`);
      }
      const due = blows.length > 0 ? 0 : options.calls - earlier;
      while (load.calls < due) await pause(50);
      earlier += load.calls;
      await load.stop();
      const last = blows.length === 0;
      await settle(last && !short ? OVERDUE_MS : SETTLE_MS, last && !short);
      const found = verdict.findings.filter(({ count }) => count > 0);
      options.say(
        `judged ${verdict.figures['calls']} calls: ${found.length === 0 ? 'nothing found' : JSON.stringify(found, null, 1)}`,
      );
    }
    const { approvalRounds, say } = options;
    const approvals =
      approvalRounds === undefined
        ? undefined
        : await killDuringApprovals({
            installation,
            upstream,
            random,
            rounds: approvalRounds,
            patient: !short,
            say,
          });
    const report: Report = {
      seed,
      faults,
      seconds: seconds(started),
      ...verdict,
      recovery: recovery.rows(),
      stuck,
      skipped,
      ...(approvals && { approvals }),
    };
    if (options.dir) writeFileSync(join(dir, 'report.json'), JSON.stringify(report, null, 2));
    return report;
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

/** One blow, from its first fault until calls succeed everywhere again. Returns what to say of it. */
async function strike(
  world: World,
  blow: Blow,
  load: Load,
  recovery: Recovery,
  mishaps: Mishap[],
  stuck: string[],
): Promise<string> {
  const { units } = world.installation;
  await pause(world.random.between(50, 300));
  const parts = blow.faults.flatMap(endedBy).map((name) => units.get(name)!);
  const restarts = parts.map((unit) => unit.view.restarts);
  const over = Math.max(
    ...(await Promise.all(
      blow.faults.map(async (fault) => {
        await pause(fault.afterMs);
        const from = Date.now();
        const mishap = mishapOf(fault, from, Infinity);
        mishaps.push(mishap);
        const end = await inject(world, fault);
        // What was on its way when it ended arrives a little later.
        mishap.to = end + 2_000;
        return end;
      }),
    )),
  );
  const flowing = load.untilAllFlow(over, BACK_MS);
  const back = untilBack();
  const [callsAt, partsAt] = [await flowing, await back];
  const name = `${blow.kind} (${blow.faults.map(describe).join('; ')})`;
  if (callsAt === undefined || partsAt === undefined) {
    const missing = callsAt === undefined ? load.missing(over).join(', ') : 'a part';
    stuck.push(`${name}: ${missing}`);
    // What comes next is to meet a stack that works.
    for (const part of SERVICES) signal(processesOf(world.installation, part), 'SIGKILL');
    mishaps.push(...SERVICES.map((killed) => ({ from: Date.now(), to: Date.now(), killed })));
    return `${name}: NOT BACK, ${missing}`;
  }
  recovery.note(blow.kind, callsAt - over, parts.length > 0 ? partsAt - over : undefined);
  return `${name}: calls after ${callsAt - over} ms`;

  async function untilBack(): Promise<number | undefined> {
    for (const until = Date.now() + BACK_MS; Date.now() < until; await pause(20)) {
      const again = parts.every((unit, index) => unit.view.restarts > restarts[index]!);
      if (again && [...units.values()].every((unit) => unit.view.status === 'running'))
        return Date.now();
    }
    return undefined;
  }
}

function describe({ afterMs: _, ...fault }: Blow['faults'][number]): string {
  const { what, ...rest } = fault;
  return [what, ...Object.values(rest).map((value) => JSON.stringify(value))].join(' ');
}

/** Judges until nothing is found any more, or `limitMs` is over: the last outcomes take a moment. */
async function settled(
  limitMs: number,
  heldToo: boolean,
  look: () => Promise<Verdict>,
): Promise<Verdict> {
  for (const until = Date.now() + limitMs; ; await pause(500)) {
    const verdict = await look();
    const held = verdict.figures['of them held open']!;
    if (heldToo && Date.now() > until && held > 0)
      verdict.findings.push({ check: 'still held open', count: held, examples: [] });
    const clean = verdict.findings.every(({ count }) => count === 0) && (!heldToo || held === 0);
    if (clean || Date.now() > until) return verdict;
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const seconds = (since: number) => Math.round((performance.now() - since) / 100) / 10;
