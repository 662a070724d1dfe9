import { setImmediate as others } from 'node:timers/promises';
import { recordedCallsBetween, type RecordedCallRow, type SimulationChange } from '@conducktor/db';
import { decide, type Decision } from '@conducktor/policy';
import type { NotJudged } from '@conducktor/contracts';
import { callToJudge, decideWithout, rulesOf, sentenceOf, type CallToJudge } from './judge.js';
import { recordedArguments } from './recorded-arguments.js';
import { recordedDecision, type RecordedDecision } from './recorded-decision.js';
import { noteAnswers, type Simulation, type SimulationDeps } from './simulation.js';

/** Events of the sequence in one step at most: what a restart does again. */
const MOST_STEP_EVENTS = 4_000;
const FEWEST_STEP_EVENTS = 50;
// Far less than the lease, also of a policy each of whose decisions costs as much as one may.
const STEP_MS = 1_000;
// Sealing numbers the calls of one gateway before those of another, and all calls before their outcomes.
const LOOK_AHEAD_EVENTS = 5_000;
const OUT_OF_ORDER_MS = 10 * 60_000;
/** Requests get their turn after so long. */
const TURN_MS = 10;
// Arguments that stand in the event have a kilobyte at most; those beside it up to a megabyte.
const OPENED_AT_ONCE = 250;
const LARGE_AT_ONCE = 16;
/** Records of changes that can be read one by one; all are counted. */
export const MOST_CHANGES = 20_000;

export interface Step {
  cursorSeq: number;
  changes: SimulationChange[];
  finished: boolean;
}

interface Judged {
  row: RecordedCallRow;
  was: RecordedDecision;
  now: Decision | { notJudged: NotJudged };
}

/**
 * Goes through the next events of the sequence and adds to the simulation's totals. Writes nothing: what
 * it returns and the totals are to be stored together.
 */
export async function runStep(deps: SimulationDeps, simulation: Simulation): Promise<Step> {
  const { row, tenantId, seen } = simulation;
  const began = performance.now();
  const after = row.cursorSeq;
  const upTo = Math.min(after + simulation.stepEvents, row.lastSeq);
  const rows = await deps.db.withTenant(tenantId, (tx) =>
    recordedCallsBetween(tx, { after, upTo }, row.filter),
  );
  await noteAnswers(deps, simulation, { after, upTo: upTo + LOOK_AHEAD_EVENTS });
  const changes: SimulationChange[] = [];
  for (const judged of await judgeAll(deps, simulation, rows)) {
    const change = count(simulation, judged);
    if (change && row.changes + changes.length < MOST_CHANGES) changes.push(change);
  }
  const last = rows.at(-1);
  if (last) seen?.forget(last.at.getTime() - OUT_OF_ORDER_MS);
  simulation.stepEvents = nextStep(simulation.stepEvents, performance.now() - began);
  return { cursorSeq: upTo, changes, finished: upTo >= row.lastSeq };
}

/** Twice as many as long as that is quick, half as many where it was slow. */
function nextStep(events: number, ms: number): number {
  if (ms > STEP_MS) return Math.max(FEWEST_STEP_EVENTS, Math.floor(events / 2));
  return ms < STEP_MS / 3 ? Math.min(MOST_STEP_EVENTS, events * 2) : events;
}

/** Lets others have a turn where this has worked for long enough. */
function takingTurns(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < TURN_MS) return undefined;
    return others().then(() => {
      since = performance.now();
    });
  };
}

async function judgeAll(
  deps: SimulationDeps,
  simulation: Simulation,
  rows: readonly RecordedCallRow[],
): Promise<Judged[]> {
  const { policy, row: simulated } = simulation;
  const turn = takingTurns();
  const judged: Judged[] = [];
  const waiting: { row: RecordedCallRow; was: RecordedDecision; call: CallToJudge }[] = [];
  for (const row of rows) {
    await turn();
    const was = row.at < simulated.since ? undefined : recordedDecision(row);
    if (!was) continue;
    const call = callToJudge(row, simulation);
    const now = 'notJudged' in call ? call : decideWithout(policy, call);
    if (now) judged.push({ row, was, now });
    else waiting.push({ row, was, call: call as CallToJudge });
  }

  const isLarge = ({ row }: (typeof waiting)[number]) => row.detail['argumentsIn'] === 'call_body';
  const batches = [
    ...inBatches(
      waiting.filter((each) => !isLarge(each)),
      OPENED_AT_ONCE,
    ),
    ...inBatches(waiting.filter(isLarge), LARGE_AT_ONCE),
  ];
  for (const batch of batches) {
    const known = await recordedArguments(
      deps,
      simulation.tenantId,
      batch.map(({ row }) => row),
    );
    for (const { row, was, call } of batch) {
      await turn();
      const made = known.get(row.seq)!;
      const now =
        'notKept' in made
          ? { notJudged: made.notKept }
          : // Of equal refusals only one has its arguments.
            was.calls > 1
            ? { notJudged: 'arguments_not_kept' as const }
            : decide(policy, { ...call, args: made.args });
      judged.push({ row, was, now });
    }
  }
  return judged.sort((a, b) => a.row.seq - b.row.seq);
}

function* inBatches<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

function count(
  { totals, policy }: Simulation,
  { row, was, now }: Judged,
): SimulationChange | undefined {
  if ('notJudged' in now) {
    totals.countNotJudged(now.notJudged, was.calls);
    return undefined;
  }
  const about = { tool: row.tool!, memberId: row.memberId!, rules: rulesOf(now) };
  totals.count(about, was.effect, now.effect, was.calls);
  if (was.effect === now.effect) return undefined;
  return {
    seq: row.seq,
    eventId: row.id,
    at: row.at,
    memberId: row.memberId,
    clientId: row.clientId,
    connection: row.connection,
    tool: row.tool,
    calls: was.calls,
    thenEffect: was.effect,
    thenRule: was.rule,
    nowEffect: now.effect,
    nowRule: now.ruleId ?? null,
    nowSentence: sentenceOf(now, policy.document),
  };
}
