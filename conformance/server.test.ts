import { startConformanceUpstream, type ConformanceUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, openWorld, type World } from '../e2e/support/world.js';
import { expectationsOf, problemsOf } from './support/expectations.js';
import { startHeaderProxy, type HeaderProxy } from './support/header-proxy.js';
import { scenariosOf, type Requirements } from './support/requirements.js';
import { runSuite, type SuiteRun } from './support/suite.js';

/** Which revision the suite speaks to the gateway, and which one the upstream speaks. */
interface Pair {
  client: Requirements;
  upstream: Requirements;
}

const PAIRS: Pair[] = [
  { client: '2025-11-25', upstream: '2025-11-25' },
  { client: '2026-07-28', upstream: '2026-07-28' },
  { client: '2025-11-25', upstream: '2026-07-28' },
  { client: '2026-07-28', upstream: '2025-11-25' },
];
const nameOf = ({ client, upstream }: Pair) => `${client} to ${upstream}`;
const slugOf = ({ client, upstream }: Pair) =>
  `from-${client.slice(0, 4)}-to-${upstream.slice(0, 4)}`;

let world: World;
let proxy: HeaderProxy;
const upstreams: ConformanceUpstream[] = [];
const runs = new Map<string, Promise<SuiteRun>>();

beforeAll(async () => {
  world = await openWorld();
  proxy = await startHeaderProxy(world.stack.publicUrl, world.workspace.member.apiKey);
  // The suites add tools and want to hear of it; by default they would wait for an admin.
  await world.rest.must('PATCH', '/workspace', { toolChanges: 'additive' });
  // Each pair has an upstream of its own: what one suite changes there, no other sees.
  for (const pair of PAIRS) {
    const upstream = await startConformanceUpstream({ revision: pair.upstream });
    upstreams.push(upstream);
    await connect(world.rest, slugOf(pair), upstream.url);
  }
  // Two at a time, as many as there are cores at least; a suite mostly waits.
  for (const client of ['2025-11-25', '2026-07-28'] as const) {
    let before: Promise<unknown> = Promise.resolve();
    for (const pair of PAIRS.filter((one) => one.client === client)) {
      const slug = slugOf(pair);
      const run = before.then(() => runSuite(`${proxy.origin}/mcp/${slug}`, client, slug));
      runs.set(nameOf(pair), run);
      // Whoever waits for this run hears of its failure; the next pair runs all the same.
      before = run.catch(() => undefined);
    }
  }
});

afterAll(async () => {
  await Promise.allSettled(runs.values());
  await Promise.all(upstreams.map((upstream) => upstream.close()));
  await proxy?.close();
  await world?.close();
});

describe.each(PAIRS)('conformance of $client clients to $upstream upstreams', (pair) => {
  const expectations = expectationsOf(nameOf(pair));
  let run: SuiteRun;
  beforeAll(async () => (run = await runs.get(nameOf(pair))!), 120_000);

  test.each(scenariosOf(pair.client))('%s', (scenario) => {
    expect(problemsOf(scenario, run.get(scenario), expectations)).toEqual([]);
  });

  test('every expected failure names a scenario', () => {
    const known = scenariosOf(pair.client);
    const unknown = expectations.filter(({ fails }) => !known.includes(fails.split(':')[0]!));
    expect(unknown).toEqual([]);
  });
});
