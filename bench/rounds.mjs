const WARMUP_MS = { quick: 300, whole: 400 };
const DURATION_MS = { quick: 1500, whole: 2400 };

/**
 * Measures `subjects` ({name: target of load.mjs}) in turn, `rounds` times, the order reversed in every
 * other round: a slow minute of the machine hits all of them. Throws on the first wrong answer. Returns
 * {name, connections, round, …what load.mjs gives} for each.
 */
export async function inTurn({ subjects, load, connections, rounds, pace = 'whole' }) {
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    const names = Object.keys(subjects);
    if (round % 2 === 1) names.reverse();
    for (const name of names) {
      const times = { warmupMs: WARMUP_MS[pace], durationMs: DURATION_MS[pace] };
      const result = await run(load, name, subjects[name], { connections, ...times });
      samples.push({ name, connections, round, ...result });
    }
  }
  return samples;
}

/** Compiled code and full caches before anything counts: every token has been seen a few times. */
export async function warmUp({ subjects, load, durationMs = 1500 }) {
  for (const [name, subject] of Object.entries(subjects)) {
    let calls = 0;
    do {
      const job = { connections: 16, warmupMs: 0, durationMs };
      calls += (await run(load, name, subject, job)).calls;
    } while (calls < 3 * subject.tokens.length);
  }
}

/** One run of the load generator. Throws on a wrong answer. */
async function run(load, name, subject, job) {
  const result = await load.ask({ ...target(subject), ...job });
  if (result.errors > 0)
    throw new Error(`${name} answered ${result.errors} times wrongly: ${result.firstError}`);
  return result;
}

/** What of a subject the load generator is told: a stack has functions, which no message carries. */
function target({ host, port, path, tool, tokens, method }) {
  return { host, port, path, tool, tokens, method };
}

/** Rounded to what is worth printing. */
export function round(value) {
  return Math.round(value * 1000) / 1000;
}
