// What letting go of a month takes among many events (`npm run bench -- --retention`): its export, its removal,
// and what calls notice of it. The events are of a workspace of their own, a year of months; calls are
// made by the standard workload meanwhile.
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createDb } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { Retention } from '../apps/audit/dist/retention/retention.js';
import { startPrivateStack } from './private-stack.mjs';
import { median } from './stats.mjs';

const MONTHS = 12;
const HISTORY = 'ten_history';
const WINDOW = { connections: 16, warmupMs: 500, durationMs: 8_000 };
const QUIET_WINDOWS = 3;

/** `calls`: recorded calls in all, an outcome each. */
export async function measureRetention({ base, calls, say, start, undo }) {
  await start('servers/echo.mjs', [String(base + 20)]);
  const upstreamUrl = `http://127.0.0.1:${base + 20}/mcp`;
  const stack = await startPrivateStack({ base, upstreamUrl, say });
  undo.push(stack.stop);
  const as = openDatabase(stack.dir, base + 10, undo);
  const eventsEach = Math.round((2 * calls) / MONTHS);
  await writeMonths(as('postgres'), eventsEach, say);

  const load = await start('load.mjs');
  const window = () => load.ask({ ...stack, asAdmin: undefined, stop: undefined, ...WINDOW });
  await window();
  say('measuring calls without and with retention');
  const quiet = [];
  for (let i = 0; i < QUIET_WINDOWS; i++) quiet.push(await window());
  const archiveDir = join(stack.dir, 'archive');
  mkdirSync(archiveDir);
  const retention = new Retention({
    db: as('conducktor_audit'),
    logger: createLogger('retention', 'silent'),
    archiveDir,
  });
  const busy = [];
  let done;
  const began = performance.now();
  const round = retention
    .round()
    .then((months) => (done = { months, ms: performance.now() - began }));
  while (!done) busy.push(await window());
  await round;
  for (let i = 0; i < QUIET_WINDOWS; i++) quiet.push(await window());
  // The stack's own goes every ten minutes, and exports nothing.
  if (!readdirSync(archiveDir, { recursive: true }).some((name) => String(name).endsWith('.gz')))
    throw new Error('The retention of the stack itself came between; measure again.');

  say('the next month, without export');
  await leaveMonths(as('postgres'), 2);
  const plain = new Retention({
    db: as('conducktor_audit'),
    logger: createLogger('retention', 'silent'),
  });
  const beganPlain = performance.now();
  let plainMs = 0;
  const leaving = plain.round().then((months) => {
    plainMs = performance.now() - beganPlain;
    return months;
  });
  const [beside, months] = await Promise.all([window(), leaving]);
  const perSecond = (windows) => median(windows.map((one) => one.perSecond));
  const p99 = (windows) => median(windows.map((one) => one.p99));
  const files = readdirSync(archiveDir, { recursive: true }).map((name) =>
    join(archiveDir, String(name)),
  );
  return {
    events: eventsEach * MONTHS,
    eventsOfMonth: eventsEach,
    exported: {
      months: done.months,
      seconds: done.ms / 1000,
      bytes: files.reduce(
        (sum, file) => sum + (statSync(file).isFile() ? statSync(file).size : 0),
        0,
      ),
    },
    dropped: { months, seconds: plainMs / 1000 },
    calls: {
      quiet: { perSecond: perSecond(quiet), p99: p99(quiet) },
      beside: { perSecond: perSecond(busy), p99: p99(busy) },
      ratio: perSecond(busy) / perSecond(quiet),
      besideDrop: { perSecond: beside.perSecond, p99: beside.p99 },
      errors: [...quiet, ...busy, beside].reduce((sum, { errors }) => sum + errors, 0),
    },
  };
}

export function printRetention({ events, eventsOfMonth, exported, dropped, calls }, say) {
  say(`${events} events in ${MONTHS} months, ${eventsOfMonth} in the one that goes`);
  say(
    `exported and dropped in ${exported.seconds.toFixed(1)} s (${Math.round(exported.bytes / 1e6)} MB)`,
  );
  say(`without export in ${dropped.seconds.toFixed(2)} s`);
  const row = ({ perSecond, p99 }) => `${Math.round(perSecond)} calls/s, p99 ${p99.toFixed(1)} ms`;
  say(`calls alone: ${row(calls.quiet)}`);
  say(`beside the export: ${row(calls.beside)}, ratio ${calls.ratio.toFixed(2)}`);
  say(`beside the drop: ${row(calls.besideDrop)}; errors in all: ${calls.errors}`);
}

function openDatabase(dir, port, undo) {
  const passwords = JSON.parse(readFileSync(join(dir, 'postgres-passwords.json'), 'utf8'));
  const open = new Map();
  return (role) => {
    if (!open.has(role)) {
      const url = `postgres://${role}:${passwords[role]}@127.0.0.1:${port}/conducktor`;
      const db = createDb(url, { max: 2, statementTimeoutMs: 600_000 });
      undo.push(() => db.end());
      open.set(role, db);
    }
    return open.get(role);
  };
}

/** Months of events of one workspace, the oldest of which is over; everything of them is posted and erased. */
async function writeMonths({ pool }, eventsEach, say) {
  await pool.query(
    `insert into tenant (id, slug, name, payload_days) values ($1, 'history', 'history', null)`,
    [HISTORY],
  );
  for (let back = MONTHS; back >= 1; back--) {
    const { rows } = await pool.query(
      `with month as (select date_trunc('month', now() - make_interval(months => $1), 'UTC') as starts), made as materialized (
         select starts, make_audit_month(starts) from month)
       select starts::text, (starts + interval '1 month')::text as ends,
              'audit_event_' || to_char(starts at time zone 'UTC', 'YYYY_MM') as name from made`,
      [back],
    );
    const { starts, ends, name } = rows[0];
    const from = (MONTHS - back) * eventsEach;
    // Indexes of a table that is full are made faster than filled.
    await pool.query(`alter table audit_event detach partition ${name}`);
    await pool.query(
      `drop table ${name}; create table ${name} (like audit_event including defaults including constraints)`,
    );
    await pool.query(
      `insert into ${name} (tenant_id, seq, id, kind, at, call_id, member_id, actor, client_id, connection, tool, decision,
                            outcome, arguments_hash, duration_ms, payload_erased_at, detail, sealed_at)
       select '${HISTORY}', ${from} + i, 'evt_' || to_hex(${from} + i) || 'x' || left(md5(i::text), 24),
              case i % 2 when 1 then 'call' else 'outcome' end, at, 'call_' || md5(((${from} + i - 1) / 2)::text),
              'mem_' || i % 97, 'person-' || i % 97 || '@bench.example', 'chatgpt', 'crm', 'crm_tool-' || i % 50,
              case i % 2 when 1 then 'allow' end, case i % 2 when 0 then 'ok' end, case i % 2 when 1 then repeat('ab', 32) end,
              case i % 2 when 0 then i % 400 end, at, '{"argumentsSize": 120, "requestId": "3f1c9b1e"}', at
         from generate_series(1, ${eventsEach}) i,
              lateral (select '${starts}'::timestamptz + make_interval(secs => (i - 1) * 2419200.0 / ${eventsEach}) as at) x`,
    );
    await pool.query(`alter table ${name} enable row level security, force row level security`);
    await pool.query(`alter table ${name} owner to conducktor_owner`);
    await pool.query(
      `alter table audit_event attach partition ${name} for values from ('${starts}') to ('${ends}')`,
    );
    await pool.query(`analyze ${name}`);
    await pool.query('insert into audit_span (tenant_id, starts, from_seq) values ($1, $2, $3)', [
      HISTORY,
      starts,
      from + 1,
    ]);
    say(`${from + eventsEach} events written`);
  }
  const last = MONTHS * eventsEach;
  await pool.query(
    `insert into money_cursor (tenant_id, posted_seq, sealed_at, zone) values ($1, $2, now(), 'UTC')`,
    [HISTORY, last],
  );
  await pool.query(
    'insert into audit_head (tenant_id, next_seq, payloads_erased) values ($1, $2::bigint + 1, $2)',
    [HISTORY, last],
  );
  await leaveMonths({ pool }, 1);
  await pool.query('checkpoint');
}

/** Of the oldest months so many are over. */
async function leaveMonths({ pool }, months) {
  await pool.query(
    `update tenant set event_days = extract(day from date_trunc('day', now(), 'UTC')
       - date_trunc('month', now() - make_interval(months => $2), 'UTC'))::int where id = $1`,
    [HISTORY, MONTHS - months],
  );
}
