import { compilePolicy, parsePolicy, type CompiledPolicy } from '@conducktor/policy';
import { answersOf, findSimulation, seqAt, type SimulationRow } from '@conducktor/db';
import type { Control } from '../../control.js';
import { SeenSoFar, windowMs, type SeenEntry } from './seen-so-far.js';
import { Totals, type StoredTotals } from './totals.js';
import { readWorld, type World } from './world.js';

/** A simulation in the hands of a worker. */
export interface Simulation {
  tenantId: string;
  row: SimulationRow;
  policy: CompiledPolicy;
  world: World;
  totals: Totals;
  /** Where a rule asks what was seen before. */
  seen: SeenSoFar | undefined;
  /** How many events the next step takes: as many as are quick with this policy. */
  stepEvents: number;
}

export type SimulationDeps = Pick<Control, 'db' | 'prisma' | 'vault'>;

// Within the lease, should every decision cost as much as one may: 50 ms, and some are made twice.
const FIRST_STEP_EVENTS = 100;
// How far what a client was given before the first call is looked for in one query.
const LOOK_BACK_EVENTS = 20_000;

/** Takes up a simulation where it stopped, with people and tools as they are now. Undefined: it is gone. */
export async function takeUp(
  deps: SimulationDeps,
  tenantId: string,
  id: string,
): Promise<Simulation | undefined> {
  const row = await deps.db.withTenant(tenantId, (tx) => findSimulation(tx, id));
  if (!row) return undefined;
  const document = parsePolicy(row.document as object);
  const policy = compilePolicy(document);
  const asksSeen = document.rules.some(({ when }) => when.seen);
  const simulation: Simulation = {
    tenantId,
    row,
    policy,
    world: await readWorld(deps, tenantId),
    totals: new Totals(row.totals as Partial<StoredTotals>),
    stepEvents: FIRST_STEP_EVENTS,
    seen: asksSeen ? new SeenSoFar(windowMs(policy), row.seen as SeenEntry[]) : undefined,
  };
  if (simulation.seen && row.cursorSeq < row.firstSeq) await lookBack(deps, simulation);
  return simulation;
}

/** What clients were given before the first call, as far back as the policy's window reaches. */
async function lookBack({ db }: SimulationDeps, simulation: Simulation): Promise<void> {
  const { tenantId, row, policy } = simulation;
  const since = new Date(row.since.getTime() - windowMs(policy));
  let after = await db.withTenant(tenantId, (tx) =>
    seqAt(tx, since, { first: 1, last: row.firstSeq }),
  );
  for (after--; after < row.firstSeq - 1; after += LOOK_BACK_EVENTS)
    await noteAnswers({ db }, simulation, {
      after,
      upTo: Math.min(after + LOOK_BACK_EVENTS, row.firstSeq - 1),
    });
}

/** Reads when what tainting tools gave was given. Reading a stretch twice changes nothing. */
export async function noteAnswers(
  { db }: Pick<SimulationDeps, 'db'>,
  { tenantId, world, seen }: Simulation,
  span: { after: number; upTo: number },
): Promise<void> {
  const tools = [...world.tainting.keys()];
  if (!seen || tools.length === 0) return;
  const answers = await db.withTenant(tenantId, (tx) => answersOf(tx, tools, span));
  for (const { memberId, clientId, tool, at } of answers)
    for (const label of world.tainting.get(tool) ?? [])
      seen.note(memberId, clientId, label, at.getTime());
}
