// Broken and malicious MCP servers: each ends with a clear answer within its bound, in bounded
// memory, while somebody else's connection on the same worker keeps answering.
import {
  MISBEHAVIOURS,
  rawMcp,
  startHostileUpstream,
  type HostileUpstream,
} from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryWatch, Neighbour } from './support/neighbour.js';
import { FINE, isEndless, said, toBeTold, TOLD } from './support/told.js';
import { connect, openWorld, type World } from './support/world.js';

const TIMEOUT_MS = 1_000;
const ERAS = ['modern', 'legacy'] as const;
/** At once at one hostile server; as each is followed by an honest request, no five fail in a row. */
const AT_ONCE = 3;
/** How long a machine may be busy with other tests: those of the crashes load it fully beside this one. */
const BUSY_MS = 20_000;

let world: World;
let victim: World;
let hostile: HostileUpstream;
let neighbour: Neighbour;
let memory: MemoryWatch;

beforeAll(async () => {
  [victim, world, hostile] = await Promise.all([openWorld(), openWorld(), startHostileUpstream()]);
  for (const era of ERAS) {
    await connect(world.rest, era, hostile.url(era));
    await connect(world.rest, `${era}-hasty`, hostile.url(era), TIMEOUT_MS);
  }
  memory = new MemoryWatch(world.stack.dataDir);
  neighbour = new Neighbour(victim);
});
afterAll(() => Promise.all([victim.close(), world.close(), hostile.close()]));

/** How the misbehaviour is asked for in each method. */
const METHODS: Record<string, (slug: string, name: string) => Record<string, unknown>> = {
  'tools/call': (slug, name) => ({ name: `${slug}_${name}`, arguments: {} }),
  'resources/read': (slug, name) => ({ uri: `${slug}+hostile://${name}/x` }),
  'prompts/get': (slug, name) => ({ name: `${slug}_${name}` }),
  'completion/complete': (slug, name) => ({
    ref: { type: 'ref/prompt', name: `${slug}_${name}` },
    argument: { name: 'a', value: 'b' },
  }),
};

test.each(ERAS)(
  'a tool of a %s server',
  async (era) => {
    await misbehave(era, 'tools/call', Object.keys(MISBEHAVIOURS));
  },
  60_000,
);

// Waiting for deadlines is the same for every method: one of them is enough.
const OTHERS = Object.keys(TOLD).filter((name) => name === 'hang' || !isEndless(name));

test.each([
  ['modern', 'resources/read'],
  ['legacy', 'prompts/get'],
  ['modern', 'completion/complete'],
])(
  'a %s server asked for %s',
  async (era, method) => {
    await misbehave(era, method, OTHERS);
  },
  60_000,
);

test('thirty results of 10 MB at once arrive, or are said to be too many', async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, async () =>
      said(
        'modern',
        await rawMcp(
          world.mcp,
          'tools/call',
          { name: 'modern_ten_mb', arguments: {} },
          { token: world.workspace.member.apiKey },
        ),
      ),
    ),
  );
  const tooMany = '-32603 The result was discarded: too many large ones came at once.';
  const arrived = answers.filter((one) => /^x+$/.test(one)).length;
  expect(arrived).toBeGreaterThan(3);
  expect(answers.filter((one) => one === tooMany).length).toBe(answers.length - arrived);
}, 60_000);

test('a number that no double holds arrives as the server wrote it', async () => {
  const { text } = await rawMcp(
    world.mcp,
    'tools/call',
    { name: 'legacy_long_numbers', arguments: {} },
    { token: world.workspace.member.apiKey },
  );
  expect(text).toContain('{"n":12345678901234567890,"f":1e400,');
});

test('nobody else was harmed, and nothing was kept', async () => {
  const { calls, p50, max } = await neighbour.stop();
  const growth = memory.stop();
  console.log(`neighbour: ${calls} calls, p50 ${p50} ms, longest ${max} ms; ${growth.words}`);
  expect(neighbour.failures).toEqual([]);
  expect(calls).toBeGreaterThan(50);
  expect(max).toBeLessThan(BUSY_MS);
  // Several results of 10 MB are under way at once; all that was offered is more than 1 GB.
  expect(growth.largestMb, growth.words).toBeLessThan(900);
});

async function misbehave(era: string, method: string, names: string[]): Promise<void> {
  const left = [...names];
  const told: Record<string, string> = {};
  const after: Record<string, string> = {};
  const slow: string[] = [];
  const ask = async (slug: string, name: string) =>
    said(
      slug,
      await rawMcp(world.mcp, method, METHODS[method]!(slug, name), {
        token: world.workspace.member.apiKey,
        headers: { 'mcp-name': String(METHODS[method]!(slug, name)['uri'] ?? `${slug}_${name}`) },
      }),
    );
  const work = async () => {
    for (let name = left.shift(); name; name = left.shift()) {
      const started = performance.now();
      // The others have a deadline that a busy machine does not reach.
      const slug = isEndless(name) ? `${era}-hasty` : era;
      told[name] = await ask(slug, name);
      if (performance.now() - started > TIMEOUT_MS + BUSY_MS) slow.push(name);
      after[name] = await ask(slug, FINE);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const expected = names.map((name) => [name, toBeTold(name, told[name])]);
  expect(told).toEqual(Object.fromEntries(expected));
  expect(slow, 'took longer than their deadline').toEqual([]);
  const harmed = Object.entries(after).filter(([, one]) => one !== FINE);
  expect(harmed, 'the next request to the same connection').toEqual([]);
}
