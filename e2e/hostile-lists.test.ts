// Servers whose handshake or lists are hostile: bounded, said in words, and no reason for anybody's
// honest entries to be missing.
import { rawMcp, startHostileUpstream, type HostileUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryWatch, Neighbour } from './support/neighbour.js';
import { connect, openWorld, type World } from './support/world.js';

let world: World;
let victim: World;
let hostile: HostileUpstream;
let neighbour: Neighbour;
let memory: MemoryWatch;

beforeAll(async () => {
  [victim, world, hostile] = await Promise.all([openWorld(), openWorld(), startHostileUpstream()]);
  // Last of all connections by its slug.
  await connect(world.rest, 'zz-fine', hostile.url('modern'));
  memory = new MemoryWatch(world.stack.dataDir);
  neighbour = new Neighbour(victim);
});
afterAll(() => Promise.all([victim.close(), world.close(), hostile.close()]));

const lost = 'The connection to the server was lost.';
const silent = 'The server did not answer the MCP handshake.';
const endless = (read: number) =>
  `The server's list of tools does not end; the first ${read} were read.`;
const nameless = (count: number) =>
  `${count} entries of the server's list of tools had no name of their own and were left out.`;

/** Status, number of tools, and the reason that the admin reads. */
const HANDSHAKES: Record<string, [string, number, string]> = {
  redirect_to_metadata: [
    'ERROR',
    0,
    'The server redirects (HTTP 307); redirects are not followed, enter the final address.',
  ],
  status_401: [
    'AUTH_REQUIRED',
    0,
    'The server refused the credentials of this connection (HTTP 401).',
  ],
  status_500: ['ERROR', 0, 'The server answered HTTP 500.'],
  line_for_ever: ['ERROR', 0, "The server's answer is too large."],
  flood_of_notes: ['ERROR', 0, "The server's answer is too large."],
  eleven_mb: ['ERROR', 0, "The server's answer is too large."],
  early_hints_for_ever: ['ERROR', 0, lost],
  header_of_1_mb: ['ERROR', 0, lost],
  dies_at_once: ['ERROR', 0, lost],
  no_http: ['ERROR', 0, lost],
  gzip_bomb: ['ERROR', 0, silent],
  page: ['ERROR', 0, silent],
  wrong_id: ['ERROR', 0, silent],
  result_is_list: ['ERROR', 0, silent],
  deep_json: [
    'ERROR',
    0,
    "The server refused the MCP handshake: The server's answer is nested too deeply and was discarded. (-32603).",
  ],
  input_without_end: [
    'ERROR',
    0,
    'The server speaks a version of MCP that is not known here (undefined).',
  ],
};

const LISTS: Record<string, [string, number, string]> = {
  endless: ['DEGRADED', 200, endless(200)],
  same_cursor: ['DEGRADED', 1, endless(1)],
  huge_cursor: ['DEGRADED', 9, endless(9)],
  empty_pages: ['DEGRADED', 0, endless(0)],
  cursor_is_object: ['ACTIVE', 1, ''],
  no_list: ['ERROR', 0, 'The server answered tools/list without a list of tools.'],
  no_member: ['ERROR', 0, 'The server answered tools/list without a list of tools.'],
  rubbish: ['DEGRADED', 0, nameless(7)],
  million: ['DEGRADED', 0, nameless(1_000_000)],
  many: ['ERROR', 0, "The server's list of tools is too large."],
  long_uris: ['ACTIVE', 50, ''],
  twice: ['DEGRADED', 1, nameless(1)],
  invisible: ['ACTIVE', 1, ''],
  proto: ['DEGRADED', 0, 'The definition has the key "__proto__" twice or may not have it.'],
  strange_uris: ['ACTIVE', 10, ''],
};

test('an admin who connects a hostile server is told what is wrong with it', async () => {
  const told = await connectAll(HANDSHAKES, (name) => hostile.url('modern', { everything: name }));
  expect(told).toEqual(HANDSHAKES);
}, 40_000);

test('tools are taken over as far as they are good', async () => {
  const told = await connectAll(LISTS, (name) => hostile.url('modern', { lists: name }));
  expect(told).toEqual(LISTS);
  const { tools } = await list<{ tools: { name: string }[] }>('tools/list');
  expect(tools.map(({ name }) => name)).toContain('zz-fine_fine');
  expect(JSON.stringify(tools)).not.toMatch(INVISIBLE);
}, 40_000);

const INVISIBLE = /[\u200b\u202e\u2066]|\\u[dD][bB]40/;

test.each(['resources/list', 'resources/templates/list', 'prompts/list'])(
  '%s has everybody’s honest entries on its first page, and names who is missing',
  async (method) => {
    const page = await list(method);
    const ids = idsOf(page);
    expect(ids.filter((id) => id.startsWith('zz-fine')).length).toBeGreaterThan(50);
    expect(unavailableIn(page)).toEqual(expect.arrayContaining(['l-huge-cursor', 'l-million']));
    expect(JSON.stringify(page)).not.toMatch(INVISIBLE);
    // oxlint-disable-next-line no-control-regex -- what must not be in an identifier
    expect(ids.filter((id) => /[\x00-\x1f]/.test(id))).toEqual([]);
    expect(JSON.stringify(page).length).toBeLessThan(5 * 1024 * 1024);
  },
);

test('a list of lists that do not end comes to its end', async () => {
  const unavailable = new Set<string>();
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await list('resources/list', cursor === undefined ? {} : { cursor });
    for (const slug of unavailableIn(page)) unavailable.add(slug);
    cursor = page['nextCursor'] as string | undefined;
  } while (cursor !== undefined && ++pages < 1_000);
  expect(pages).toBeLessThan(250);
  for (const slug of ['l-endless', 'l-empty-pages', 'l-same-cursor'])
    expect(unavailable).toContain(slug);
}, 40_000);

test('nobody else was harmed, and nothing was kept', async () => {
  const { calls, p50, max } = await neighbour.stop();
  const growth = memory.stop();
  console.log(`neighbour: ${calls} calls, p50 ${p50} ms, longest ${max} ms; ${growth.words}`);
  expect(neighbour.failures).toEqual([]);
  // As long as a machine may be busy with other tests.
  expect(max).toBeLessThan(10_000);
  expect(growth.largestMb, growth.words).toBeLessThan(700);
});

async function connectAll(
  names: Record<string, unknown>,
  urlOf: (name: string) => string,
): Promise<Record<string, [string, number, string]>> {
  const left = Object.keys(names);
  const told: Record<string, [string, number, string]> = {};
  const work = async () => {
    for (let name = left.shift(); name; name = left.shift()) {
      const slug = `l-${name.replaceAll('_', '-')}`;
      const { id } = await world.rest.must<{ id: string }>('POST', '/connections', {
        slug,
        kind: 'mcp-http',
        url: urlOf(name),
        timeoutMs: 3_000,
      });
      const { status, tools, reason } = await world.rest.must<{
        status: string;
        tools: number;
        reason?: string;
      }>('POST', `/connections/${id}/test`, {});
      told[name] = [status, tools, reason ?? ''];
    }
  };
  await Promise.all(Array.from({ length: 6 }, work));
  return told;
}

async function list<Page = Record<string, unknown>>(
  method: string,
  params: Record<string, unknown> = {},
): Promise<Page> {
  const answer = await rawMcp(world.mcp, method, params, {
    token: world.workspace.member.apiKey,
  });
  expect(answer.message?.error).toBeUndefined();
  return answer.message!.result as Page;
}

function idsOf(page: Record<string, unknown>): string[] {
  const [key, id] =
    'resources' in page
      ? ['resources', 'uri']
      : 'prompts' in page
        ? ['prompts', 'name']
        : ['resourceTemplates', 'uriTemplate'];
  return (page[key] as Record<string, string>[]).map((entry) => entry[id]!);
}

function unavailableIn(page: Record<string, unknown>): string[] {
  const meta = page['_meta'] as Record<string, string[]> | undefined;
  return meta?.['conducktor/unavailable'] ?? [];
}
