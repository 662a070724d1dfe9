// What four times the sustainable load does (`npm run bench -- --overload`): the load that can be sustained
// is measured first, then four times as much comes for a while whether or not answers come, then the
// sustainable load again. Refused calls are answers too: early, in words, and cheap.
import { Pool } from 'undici';
import { startPrivateStack } from './private-stack.mjs';
import { percentile } from './stats.mjs';

const TIMES = 4;
const SUSTAIN_MS = 5_000;
const PROBE_MS = 250;
const BACK_MS = 500;
/** Connections of the overload: a client waits on one for its answer. */
const CONNECTIONS = 1_500;

/** `quick`: ten seconds of overload in place of a minute. */
export async function measureOverload({ base, quick, say, undo, start }) {
  const overloadMs = quick ? 10_000 : 60_000;
  await start('servers/echo.mjs', [String(base + 20)]);
  const stack = await startPrivateStack({
    base,
    upstreamUrl: `http://127.0.0.1:${base + 20}/mcp`,
    workload: { credential: 'key' },
    say,
  });
  undo.push(stack.stop);
  const load = await start('load.mjs');
  const sustained = (durationMs, warmupMs = 0) =>
    load.ask({ ...target(stack), connections: 32, warmupMs, durationMs });
  await sustained(2_000);
  say('measuring what can be sustained');
  const before = await sustained(SUSTAIN_MS, 500);

  say(`${TIMES} times as much for ${overloadMs / 1000} s`);
  const probes = watchHealth(stack);
  const rate = Math.round(before.perSecond * TIMES);
  const flood = await floodOf(stack, rate, overloadMs);
  const health = probes.stop();

  say('the sustainable load again');
  const backMs = await timeUntilNormal(() => sustained(BACK_MS), before.perSecond);
  const perSecond = (count) => Math.round((count * 1000) / overloadMs);
  return {
    sustainable: { perSecond: Math.round(before.perSecond), p99Ms: round(before.p99) },
    offeredPerSecond: perSecond(flood.offered),
    accepted: {
      perSecond: perSecond(flood.ok),
      ofSustainable: round(perSecond(flood.ok) / before.perSecond),
      p50Ms: round(percentile(flood.latencies, 0.5)),
      p99Ms: round(percentile(flood.latencies, 0.99)),
    },
    refusedPerSecond: perSecond(flood.refused),
    failed: flood.failed,
    firstFailure: flood.firstFailure,
    health,
    backToNormalMs: backMs,
    rounds: 1,
  };
}

export function printOverload(report, say) {
  const { sustainable, accepted, health } = report;
  say(`
sustainable  ${sustainable.perSecond} calls/s at 32 connections, p99 ${sustainable.p99Ms} ms
offered      ${report.offeredPerSecond} calls/s
accepted     ${accepted.perSecond} calls/s, ${accepted.ofSustainable} of the sustainable; p50 ${accepted.p50Ms} ms, p99 ${accepted.p99Ms} ms
refused      ${report.refusedPerSecond} calls/s with 503 and Retry-After
failed       ${report.failed}${report.firstFailure ? `: ${report.firstFailure}` : ''}
/healthz     ${health.failed} of ${health.probes} probes failed, the slowest took ${health.slowestMs} ms
normal again after ${report.backToNormalMs ?? 'more than 20,000'} ms`);
}

async function timeUntilNormal(sample, perSecond) {
  const began = performance.now();
  while (performance.now() - began < 20_000) {
    const now = await sample();
    if (now.errors === 0 && now.perSecond >= 0.8 * perSecond)
      return Math.round(performance.now() - began);
  }
  return undefined;
}

function target({ host, port, path, tool, tokens }) {
  return { host, port, path, tool, tokens };
}

/** Sends `rate` calls a second on end, while a connection is free for the next one. */
async function floodOf({ host, port, path, tool, tokens }, rate, ms) {
  const pool = new Pool(`http://${host}:${port}`, { connections: CONNECTIONS, pipelining: 1 });
  const seen = { offered: 0, ok: 0, refused: 0, failed: 0, latencies: [], firstFailure: undefined };
  let open = 0;
  let sent = 0;
  const send = async (id) => {
    const began = performance.now();
    open++;
    try {
      const { statusCode, headers, body } = await pool.request({
        method: 'POST',
        path,
        headers: {
          authorization: `Bearer ${tokens[id % tokens.length]}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-06-18',
        },
        body: `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":{"message":"hello ${id}","amount":${4_200 + (id % tokens.length)}}}}`,
      });
      const text = await body.text();
      if (statusCode === 200 && text.includes('"text":"hello')) {
        seen.ok++;
        seen.latencies.push(performance.now() - began);
      } else if (statusCode === 503 && headers['retry-after'] && text.includes('"overloaded"')) {
        seen.refused++;
      } else {
        seen.failed++;
        seen.firstFailure ??= `${statusCode} ${text.slice(0, 300)}`;
      }
    } catch (error) {
      seen.failed++;
      seen.firstFailure ??= String(error);
    }
    open--;
  };
  const began = performance.now();
  while (performance.now() - began < ms) {
    const due = ((performance.now() - began) / 1000) * rate;
    for (; sent < due && open < CONNECTIONS; sent++) {
      seen.offered++;
      void send(sent);
    }
    // What found no free connection is not made up for later.
    sent = Math.max(sent, Math.floor(due));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  while (open > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await pool.close();
  seen.latencies.sort((a, b) => a - b);
  return seen;
}

/** Asks for /healthz as a platform does, and keeps the slowest answer and those that failed. */
function watchHealth({ host, port }) {
  const health = { probes: 0, failed: 0, slowestMs: 0 };
  const timer = setInterval(async () => {
    const began = performance.now();
    const ok = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(3_000) })
      .then(async (response) => (await response.text()) === '{"status":"ok"}')
      .catch(() => false);
    health.probes++;
    if (!ok) health.failed++;
    health.slowestMs = Math.max(health.slowestMs, Math.round(performance.now() - began));
  }, PROBE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return health;
    },
  };
}

function round(value) {
  return Math.round(value * 100) / 100;
}
