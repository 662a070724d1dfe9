// Recorded calls of the past, as sealing leaves them: written as the database's superuser, many at a time.

const CALLS_AT_ONCE = 20_000;
/** What a workspace's calls differ in: people who each use a few tools, most of them seldom. */
const MANY = { people: 200, tools: 200 };
const TOOLS_OF_ONE = 8;

/**
 * Fills `audit_event` with calls and their outcomes, the newest `untilHoursAgo` hours ago, evenly over `days`.
 * `shares`: of each workspace, its part of `calls`; `variety`: its people and tools. One in fifty is refused, one in a hundred is unknown; half
 * of them cost something.
 */
export async function fillHistory(
  db,
  { shares, calls, days, untilHoursAgo = 0, variety = MANY, say = () => {} },
) {
  const { rows } = await db.query(
    "select exists (select from pg_attribute where attrelid = 'audit_event'::regclass and attname = 'sealed_at') as there",
  );
  const sealedAt = rows[0].there;
  // Right before it is written to: retention takes away months of the past in which there is nothing.
  const makeMonths = (from, upto) =>
    db.query(
      'select make_audit_month(now() - make_interval(hours => $1) - make_interval(secs => 86400 * $2 * (1 - part))) from unnest($3::float8[]) part',
      [untilHoursAgo, days, [from, upto]],
    );
  let written = 0;
  for (const [tenantId, share] of Object.entries(shares)) {
    const own = Math.round(calls * share);
    for (let from = 0; from < own; from += CALLS_AT_ONCE) {
      const upto = Math.min(from + CALLS_AT_ONCE, own);
      if (sealedAt) await makeMonths(from / own, upto / own);
      await db.query(fill(sealedAt, variety), [tenantId, from, upto, own, days, untilHoursAgo]);
      written += upto - from;
      if (written % 1_000_000 < upto - from) say(`${written} calls written`);
    }
  }
}

const fill = (sealedAt, { people, tools }) => `
  with head as (
    insert into audit_head as h (tenant_id, next_seq) values ($1::text, 1 + 2 * ($3::int - $2::int))
    on conflict (tenant_id) do update set next_seq = h.next_seq + 2 * ($3::int - $2::int)
    returning next_seq - 2 * ($3::int - $2::int) as first
  ), draw as (
    select i, random() as a, random() as b, random() as c, random() as d,
           now() - make_interval(hours => $6) - make_interval(secs => 86400 * $5::float8) * (1 - i / $4::float8) as at
      from generate_series($2::int, $3::int - 1) i
  ), call as (
    select i, at, c < 0.02 as denied, d, floor(${people} * a * a)::int as person,
           (floor(${people} * a * a)::int * 7 + floor(${TOOLS_OF_ONE} * b * b)::int) % ${tools} as tool,
           case when c < 0.5 then 1000 * (1 + floor(b * 20))::bigint else 0 end as price
      from draw
  )
  insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, actor, client_id, connection, tool, decision,
                           code, outcome, cost_micros, arguments_hash, duration_ms, detail${sealedAt ? ', sealed_at' : ''})
  select $1, head.first + 2 * (i - $2) + n, 'evt_' || to_hex(head.first + 2 * (i - $2) + n) || 'x' || i,
         case when denied then 'denial' when n = 1 then 'outcome' else 'call' end, at,
         'call_' || $1 || '_' || i || case when denied then '_' || n else '' end,
         case when n = 0 then 'mem_bench_' || person end, case when n = 0 then 'person-' || person || '@bench.example' end,
         case when n = 0 then case person % 3 when 0 then 'cursor' else 'chatgpt-mcp-client' end end,
         'service-' || tool / 10, 'service-' || tool / 10 || '_tool-' || tool,
         case when n = 0 then case when denied then 'deny' else 'allow' end end,
         case when denied then 'policy_denied' end,
         case when n = 1 and not denied then case when d < 0.01 then 'unknown' when d < 0.04 then 'error' else 'ok' end end,
         case when n = 1 and d >= 0.01 and not denied then price else 0 end,
         case when n = 0 then repeat('ab', 32) end,
         case when n = 1 and not denied then exp(3 + 1.2 * sqrt(-2 * ln(greatest(d, 1e-9))) * cos(6.283185 * (d * 97 - floor(d * 97)))) end,
         case when n = 0 and price > 0 and not denied then jsonb_build_object('reservedMicros', price, 'budgets', '[65536]'::jsonb, 'argumentsSize', 120)
              when n = 0 then '{"argumentsSize": 120}' else '{"resultSize": 512}' end${sealedAt ? ', at' : ''}
    from call cross join head cross join (values (0), (1)) x(n)
   order by 2`;
