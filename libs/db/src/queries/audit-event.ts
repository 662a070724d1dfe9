import type { TenantTx } from '../db.js';
import { boundsOf, monthsToSearch, sealedMonths, type SealedBounds } from './sealed-months.js';

/** What events must be like; undefined asks for nothing. */
export interface AuditConditions {
  since?: string | undefined;
  until?: string | undefined;
  /** Member id, the address of a member, or the actor as recorded. */
  actor?: string | undefined;
  client?: string | undefined;
  connection?: string | undefined;
  tool?: string | undefined;
  decision?: string | undefined;
  code?: string | undefined;
  /** `denied`, or the outcome of a call. */
  outcome?: string | undefined;
  kind?: string | undefined;
  callId?: string | undefined;
}

export interface AuditFilter extends AuditConditions {
  order: 'asc' | 'desc';
  /** Events beyond this sequence number, in that order. */
  beyond: number | undefined;
  limit: number;
}

export interface AuditRow {
  id: string;
  seq: number;
  kind: 'call' | 'denial' | 'control';
  at: Date;
  actor: string | null;
  memberId: string | null;
  client: string | null;
  connection: string | null;
  tool: string | null;
  decision: string | null;
  code: string | null;
  outcome: string | null;
  durationMs: number | null;
  costMicros: number;
  callId: string | null;
  argumentsHash: string | null;
  detail: Record<string, unknown>;
}

// A span of days is found by the block ranges of `at` and sorted; a longer one by walking the sequence.
const SPAN_MS = 7 * 86_400_000;

// Calls that are looked for by their ids.
const MOST_CALLS = 10_000;

const COLUMNS = `e.id, e.seq::float8 as seq, e.kind, e.at, e.actor, e.member_id as "memberId",
  e.client_id as client, e.connection, e.tool, e.decision, coalesce(o.code, e.code) as code,
  o.outcome, o.duration_ms as "durationMs", coalesce(o.cost_micros, 0)::float8 as "costMicros",
  e.call_id as "callId", e.arguments_hash as "argumentsHash",
  e.detail || coalesce(o.flags, '{}') as detail`;

// An outcome is sealed with its call or after it. `$2` is where the months of the calls begin.
const OUTCOME = `left join lateral (
  select x.outcome, x.code, x.duration_ms, x.cost_micros,
         jsonb_strip_nulls(jsonb_build_object(
           'overMax', x.detail -> 'overMax', 'uncappedMicros', x.detail -> 'uncappedMicros')) as flags
    from audit_event x
   where e.kind = 'call' and x.tenant_id = e.tenant_id and x.call_id = e.call_id and x.kind = 'outcome'
     and x.sealed_at >= $2::timestamptz and x.sealed_at >= e.sealed_at
   order by x.seq limit 1) o on true`;

/** Sealed events in the order of the sequence; a call comes as one row together with its outcome. */
export async function listAuditEvents(tx: TenantTx, filter: AuditFilter): Promise<AuditRow[]> {
  const named: Named = {
    members: filter.actor === undefined ? [] : await membersCalled(tx, filter.actor),
    calls: filter.code === undefined ? [] : await callsWithCode(tx, filter.code),
  };
  const rows: AuditRow[] = [];
  // Month after month: all of them at once would look for the first match of each.
  for (const bounds of monthsToSearch(await sealedMonths(tx), filter)) {
    rows.push(...(await listWithin(tx, filter, named, bounds, filter.limit - rows.length)));
    if (rows.length >= filter.limit) break;
  }
  return rows;
}

async function listWithin(
  tx: TenantTx,
  filter: AuditFilter,
  named: Named,
  { starts, ends }: SealedBounds,
  limit: number,
): Promise<AuditRow[]> {
  const values: unknown[] = [tx.tenantId, starts, ends];
  const conditions = listConditions(filter, named, values);
  const up = filter.order === 'asc';
  if (filter.beyond !== undefined) {
    values.push(filter.beyond);
    conditions.push(`e.seq ${up ? '>' : '<'} $${values.length}`);
  }
  values.push(limit);
  const { since, until } = filter;
  const span = since && until ? Date.parse(until) - Date.parse(since) : Infinity;
  // An expression instead of the column keeps the key from being walked all the way to the span.
  const key = span <= SPAN_MS ? 'e.seq + 0' : 'e.seq';
  const { rows } = await tx.query<AuditRow>(
    `select ${COLUMNS}
       from (select * from audit_event e where ${conditions.join(' and ')}
              order by ${key} ${filter.order} limit $${values.length}) e ${OUTCOME}
      order by e.seq ${filter.order}`,
    values,
  );
  return rows;
}

/** What a filter names, looked up once for all months. */
interface Named {
  members: string[];
  calls: string[];
}

/** With $1 the workspace, and $2 and $3 when what is looked for was sealed. */
function listConditions(filter: AuditConditions, named: Named, values: unknown[]): string[] {
  const all = [
    'e.tenant_id = $1',
    "e.kind <> 'outcome'",
    'e.sealed_at >= $2::timestamptz and e.sealed_at < $3::timestamptz',
  ];
  const add = (value: unknown, condition: (parameter: string) => string) => {
    if (value !== undefined) all.push(condition(`$${values.push(value)}`));
  };
  add(filter.since, (p) => `e.at >= ${p}::timestamptz`);
  add(filter.until, (p) => `e.at < ${p}::timestamptz`);
  add(filter.client, (p) => `e.client_id = ${p}`);
  add(filter.connection, (p) => `e.connection = ${p}`);
  add(filter.tool, (p) => `e.tool = ${p}`);
  add(filter.decision, (p) => `e.decision = ${p}`);
  add(filter.kind, (p) => `e.kind = ${p}`);
  add(filter.callId, (p) => `e.call_id = ${p}`);
  if (filter.actor !== undefined) {
    const { members } = named;
    if (members.length > 0) add(members, (p) => `e.member_id = any(${p}::text[])`);
    else add(filter.actor, (p) => `lower(e.actor) = lower(${p})`);
  }
  if (filter.code !== undefined) {
    const { calls } = named;
    add(filter.code, (p) => {
      if (calls.length === 0) return `e.code = ${p}`;
      // More than are listed: so many that a walk through the sequence meets them soon.
      const ofCall =
        calls.length < MOST_CALLS
          ? `e.call_id = any($${values.push(calls)}::text[])`
          : `exists (select from audit_event x where x.tenant_id = e.tenant_id
               and x.call_id = e.call_id and x.kind = 'outcome' and x.code = ${p}
               and x.sealed_at >= $2::timestamptz)`;
      return `(e.code = ${p} or e.kind = 'call' and ${ofCall})`;
    });
  }
  const { outcome } = filter;
  if (outcome === 'denied') all.push("e.kind = 'denial'");
  else if (outcome === 'ok')
    all.push(`e.kind = 'call' and exists (select from audit_event x where x.tenant_id = e.tenant_id
                and x.call_id = e.call_id and x.kind = 'outcome' and x.outcome = 'ok'
                and x.sealed_at >= $2::timestamptz)`);
  else
    // What went wrong is little, and has an index.
    add(
      outcome,
      (p) => `e.kind = 'call' and e.call_id in (
        select x.call_id from audit_event x where x.tenant_id = $1 and x.outcome = ${p} and x.outcome <> 'ok'
           and x.sealed_at >= $2::timestamptz)`,
    );
  return all;
}

/** The members that this id or address means; their events are found by the index. */
async function membersCalled(tx: TenantTx, actor: string): Promise<string[]> {
  if (/^mem_[0-9A-Za-z]{22}$/.test(actor)) return [actor];
  const { rows } = await tx.query<{ id: string }>(
    'select id from member where tenant_id = $1 and lower(email) = lower($2)',
    [tx.tenantId, actor],
  );
  return rows.map(({ id }) => id);
}

/** Most codes are of refusals, which have them themselves; a call's stands at its outcome. */
async function callsWithCode(tx: TenantTx, code: string): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select call_id as id from audit_event
      where tenant_id = $1 and code = $2 and kind = 'outcome' limit $3`,
    [tx.tenantId, code, MOST_CALLS],
  );
  return rows.map(({ id }) => id);
}

/** The event with this id, a call together with its outcome. Outcomes have no page of their own. */
export async function findAuditEvent(tx: TenantTx, id: string): Promise<AuditRow | undefined> {
  const place = await placeOf(tx, id);
  const { rows } = await tx.query<AuditRow>(
    `select ${COLUMNS} from audit_event e ${OUTCOME}
      where e.tenant_id = $1 and e.kind <> 'outcome' and e.id = $4 and ${place.condition}`,
    [tx.tenantId, place.starts, place.ends, id, ...place.values],
  );
  return rows[0];
}

/**
 * An id holds its place in the sequence, but for those of before, which have an index of their own. For a
 * query whose $2 and $3 are when it was sealed, and $5 the place.
 */
export async function placeOf(
  tx: TenantTx,
  id: string,
): Promise<SealedBounds & { condition: string; values: string[] }> {
  const sealed = 'e.sealed_at >= $2::timestamptz and e.sealed_at < $3::timestamptz';
  const months = await sealedMonths(tx);
  const [, hex] = /^evt_([0-9a-f]{1,15})x/.exec(id) ?? [];
  if (hex === undefined) {
    // Ids have their places since before there were months: what has none is in the first, or gone.
    const ends = months.length > 1 ? months[0]!.ends : 'infinity';
    return {
      starts: '-infinity',
      ends,
      condition: `position('x' in e.id) = 0 and ${sealed}`,
      values: [],
    };
  }
  const seq = BigInt(`0x${hex}`);
  const bounds = boundsOf(months, Number(seq), Number(seq));
  return { ...bounds, condition: `e.seq = $5::bigint and ${sealed}`, values: [seq.toString()] };
}
