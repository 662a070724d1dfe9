import type {
  NotJudged,
  PageQuery,
  SimulatedEffect,
  SimulationChangeView,
  SimulationView,
} from '@conducktor/contracts';
import { PolicyDocument } from '@conducktor/contracts';
import {
  findSimulation,
  listSimulations,
  simulationChanges,
  type SimulationRow,
  type TenantTx,
} from '@conducktor/db';
import type { Control } from '../../control.js';
import type { Caller } from '../../http/caller.js';
import { found } from '../../http/not-found.js';
import { pageBy, type Page } from '../../http/pages.js';
import { Totals, type StoredTotals } from './totals.js';

/** Lines of each kind in an answer. */
const MOST_LINES = 200;

const REASONS: Record<NotJudged, string> = {
  arguments_not_kept:
    'A rule asks for the arguments, and they are not kept: the refusal was counted together with equal ones, they were too large for one, or it could not be known what to redact of them.',
  arguments_expired:
    'A rule asks for the arguments, and this workspace does not keep them any longer.',
  arguments_erased:
    'A rule asks for the arguments, and the key of the person who called was destroyed.',
  arguments_redacted:
    'A rule asks for the arguments, and something was taken out of them before they were kept.',
  tool_gone: 'The connection that had this tool was deleted.',
  member_gone: 'The person who called is not known any more.',
};

/** How far it has come and what it has found until then. */
export async function readSimulation(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Caller,
  id: string,
): Promise<SimulationView> {
  return db.withTenant(tenantId, async (tx) =>
    viewOf(tx, found(await findSimulation(tx, id), 'simulation')),
  );
}

/** All that are kept, newest first. */
export async function readSimulations(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Caller,
): Promise<Page<SimulationView>> {
  const items = await db.withTenant(tenantId, async (tx) => {
    const views = [];
    for (const row of await listSimulations(tx)) views.push(await viewOf(tx, row));
    return views;
  });
  return { items, nextCursor: null };
}

/** Call by call, in the order of the sequence: those that are decided otherwise. */
export async function readChanges(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Caller,
  id: string,
  query: PageQuery,
): Promise<Page<SimulationChangeView>> {
  const page = await pageBy(
    query,
    ({ seq }: ChangeRow) => String(seq),
    (after, take) =>
      db.withTenant(tenantId, async (tx) => {
        found(await findSimulation(tx, id), 'simulation');
        return simulationChanges(tx, id, { beyond: placeOf(after), limit: take });
      }),
  );
  return { ...page, items: page.items.map(changeView) };
}

type ChangeRow = Awaited<ReturnType<typeof simulationChanges>>[number];

const placeOf = (text: string | undefined) =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;

function changeView(row: ChangeRow): SimulationChangeView {
  return {
    eventId: row.eventId,
    seq: row.seq,
    at: row.at.toISOString(),
    memberId: row.memberId,
    email: row.email,
    client: row.clientId,
    connection: row.connection,
    tool: row.tool,
    calls: row.calls,
    was: { effect: row.thenEffect as SimulatedEffect, rule: row.thenRule },
    now: {
      effect: row.nowEffect as SimulatedEffect,
      rule: row.nowRule,
      sentence: row.nowSentence,
    },
  };
}

async function viewOf(tx: TenantTx, row: SimulationRow): Promise<SimulationView> {
  const totals = new Totals(row.totals as Partial<StoredTotals>);
  const people = mostChanged(totals.people);
  const addresses = await addressesOf(
    tx,
    people.map(({ name }) => name),
  );
  const of = Math.max(0, row.lastSeq - row.firstSeq + 1);
  const done = Math.max(0, row.cursorSeq - row.firstSeq + 1);
  return {
    id: row.id,
    state: row.status,
    version: row.version,
    days: row.days,
    since: row.since.toISOString(),
    filter: row.filter,
    createdAt: row.createdAt.toISOString(),
    createdBy: row.createdBy,
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    progress: { done, of, share: of === 0 ? 1 : done / of },
    totals: {
      calls: totals.calls,
      judged: totals.judged,
      changed: totals.changed,
      changes: [...totals.changes].map(([kind, calls]) => {
        const [from, to] = kind.split(' ') as [SimulatedEffect, SimulatedEffect];
        return { from, to, calls };
      }),
      notJudged: [...totals.notJudged].map(([reason, calls]) => ({
        reason,
        sentence: REASONS[reason],
        calls,
      })),
    },
    rules: mostChanged(totals.rules).map(({ name, ...counts }) => ({
      rule: name === '' ? null : name,
      ...counts,
    })),
    tools: mostChanged(totals.tools).map(({ name, ...counts }) => ({ tool: name, ...counts })),
    people: people.map(({ name, ...counts }) => ({
      memberId: name,
      email: addresses.get(name) ?? null,
      ...counts,
    })),
    changesKept: row.changes,
    basis: basisOf(PolicyDocument.parse(row.document)),
    error: row.error,
  };
}

function mostChanged(counted: Totals['tools']) {
  return [...counted]
    .map(([name, [calls, changed]]) => ({ name, calls, changed }))
    .sort((a, b) => b.changed - a.changed || b.calls - a.calls || (a.name < b.name ? -1 : 1))
    .slice(0, MOST_LINES);
}

async function addressesOf(tx: TenantTx, ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await tx.query<{ id: string; email: string }>(
    'select id, email from member where tenant_id = $1 and id = any($2::text[])',
    [tx.tenantId, ids],
  );
  return new Map(rows.map(({ id, email }) => [id, email]));
}

/** What is of then and what of now, as far as it matters to this policy. */
function basisOf({ rules }: PolicyDocument): string[] {
  const asksScopes = rules.some(({ when }) => when.if?.includes('scopes'));
  return [
    'Time, address and arguments are those of the call; groups and roles of people, and class and labels of tools, are those of now.',
    'Counted are calls that policy decided. Refusals for other reasons (limits, freezing, names that are unknown to the person) are left out, and a call that was approved counts once, where approval was asked for.',
    ...(rules.some(({ when }) => when.seen)
      ? [
          'What a client was given before is read from the recorded answers of tools that have these labels now: neither what this policy would refuse nor what it would let through changes that.',
        ]
      : []),
    ...(asksScopes
      ? ['Scopes are not recorded: every client counts as having mcp:read and mcp:write.']
      : []),
  ];
}
