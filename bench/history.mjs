// What very many recorded calls cost (`npm run bench -- --history N`): how long posting them takes, how soon
// reports of usage are answered, and what calls and posting of new ones notice of it, beside an installation
// without any history. Everything runs: the calls of the past are in workspaces of their own, one of which has
// more than half.
import { fillHistory } from './history-data.mjs';
import { startPrivateStack } from './private-stack.mjs';
import { round } from './rounds.mjs';
import { median } from './stats.mjs';

const DAYS = 90;
const LARGEST = 0.6;
const OTHERS = 19;
const TIMES = 5;
const LOAD_MS = 3_000;
const ROUNDS = 5;
const ANALYZE_MS = 600_000;

const reports = (now) => {
  const since = (days) =>
    new Date(Math.floor(now / 3_600_000) * 3_600_000 - days * 86_400_000).toISOString();
  return {
    'by connection, 30 days': `groupBy=connection&since=${since(30)}`,
    'by connection and day, 90 days': `groupBy=connection,day&since=${since(DAYS)}`,
    'by day, 90 days': `groupBy=day&since=${since(DAYS)}`,
    'by day of another zone, 90 days': `groupBy=day&zone=America/New_York&since=${since(DAYS)}`,
    'by member, 90 days': `groupBy=member&since=${since(DAYS)}`,
    'by tool and member, 90 days': `groupBy=tool,member&since=${since(DAYS)}`,
    'by decision, 90 days': `groupBy=decision&since=${since(DAYS)}`,
    'by hour, 7 days': `groupBy=hour&since=${since(7)}`,
    'of one tool by day, 90 days': `groupBy=day&tool=service-0_tool-3&since=${since(DAYS)}`,
    'of a span that cuts hours, 30 days': `groupBy=connection&since=${new Date(now - 30 * 86_400_000 + 1_000).toISOString()}`,
  };
};

export async function measureHistory({ base, history: calls, say, undo, start }) {
  await start('servers/echo.mjs', [String(base + 20)]);
  const startStack = async (first) => {
    const started = await startPrivateStack({
      base: first,
      upstreamUrl: `http://127.0.0.1:${base + 20}/mcp`,
      workload: { credential: 'key', workspaces: 2 * (OTHERS + 1) },
      say,
    });
    undo.push(started.stop);
    return started;
  };
  const stack = await startStack(base);
  const load = await start('load.mjs');
  const perSecond = async ({ host, port, path, tool, tokens }) => {
    const target = { host, port, path, tool, tokens: tokens.slice(OTHERS + 1), connections: 16 };
    const result = await load.ask({ ...target, warmupMs: 500, durationMs: LOAD_MS });
    if (result.errors > 0) throw new Error(`wrong answers: ${result.firstError}`);
    return result.perSecond;
  };
  const { people } = stack;

  const tenants = people.slice(0, OTHERS + 1).map(({ tenantId }) => tenantId);
  const shares = Object.fromEntries(
    tenants.map((id, i) => [id, i === 0 ? LARGEST : (1 - LARGEST) / OTHERS]),
  );
  say(`writing ${calls} calls of ${DAYS} days`);
  const filled = await timed(() =>
    fillHistory({ query: stack.asAdmin }, { shares, calls, days: DAYS, say }),
  );
  say('waiting for them to be posted');
  const posting = await timed(() => posted(stack));
  await stack.asAdmin({ text: 'set statement_timeout = 0; analyze', query_timeout: ANALYZE_MS });

  const answers = {};
  const owner = people[0].owner.apiKey;
  for (const [name, query] of Object.entries(reports(Date.now()))) {
    const times = [];
    for (let i = 0; i < TIMES; i++) times.push((await ask(stack, owner, query)).ms);
    answers[name] = {
      medianMs: Math.round(median(times)),
      worstMs: Math.round(Math.max(...times)),
    };
    say(`${name}: ${answers[name].medianMs} ms`);
  }

  say('calls with the history and without');
  const plain = await startStack(base + 32);
  for (const subject of [stack, plain]) await perSecond(subject);
  const pairs = [];
  for (let i = 0; i < ROUNDS; i++)
    pairs.push({ with: await perSecond(stack), without: await perSecond(plain) });
  say('calls while reports are asked for');
  let asking = true;
  const queries = Object.values(reports(Date.now()));
  const asked = (async () => {
    let count = 0;
    for (; asking; count++) await ask(stack, owner, queries[count % queries.length]);
    return count;
  })();
  const beside = [];
  for (let i = 0; i < ROUNDS; i++) beside.push(await perSecond(stack));
  asking = false;
  const lag = await timed(() => posted(stack));
  return {
    calls,
    // Posting begins with the first that is written.
    postedPerSecond: Math.round(calls / ((filled + posting) / 1000)),
    reports: answers,
    admissions: {
      with: Math.round(median(pairs.map((pair) => pair.with))),
      without: Math.round(median(pairs.map((pair) => pair.without))),
      ratio: round(median(pairs.map((pair) => pair.with / pair.without))),
      besideReports: round(median(beside) / median(pairs.map((pair) => pair.without))),
      reportsAsked: await asked,
    },
    postedAfterMs: Math.round(lag),
  };
}

export function printHistory(
  { calls, postedPerSecond, reports: answers, admissions, postedAfterMs },
  say,
) {
  say(`${calls} recorded calls, written and posted at ${postedPerSecond} a second`);
  for (const [name, { medianMs, worstMs }] of Object.entries(answers))
    say(`  usage ${name.padEnd(36)} ${String(medianMs).padStart(6)} ms   worst ${worstMs} ms`);
  say(
    `  calls with the history to calls without: ${admissions.ratio}; while ${admissions.reportsAsked} reports were asked for: ${admissions.besideReports}`,
  );
  say(`  the last of them were in the ledger ${postedAfterMs} ms later`);
}

async function ask({ host, port }, key, query) {
  const started = performance.now();
  const response = await fetch(`http://${host}:${port}/api/v1/usage?${query}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`usage?${query}: ${response.status} ${text}`);
  return { ms: performance.now() - started };
}

/** Resolves when everything that is sealed is in the ledger and usage. */
async function posted({ asAdmin }) {
  for (;;) {
    const { rows } = await asAdmin(
      `select count(*)::int as behind from audit_head h left join money_cursor c using (tenant_id)
        where h.next_seq - 1 > coalesce(c.posted_seq, 0)`,
    );
    if (rows[0].behind === 0) return;
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function timed(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
