// Every revision of clients in front of every revision of upstreams, feature by feature, through one
// gateway and one URL. docs/protocol.md shows what this test found; UPDATE_DOCS=1 writes it there.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  connectRevision,
  REVISIONS,
  startConformanceUpstream,
  type Answers,
  type ConformanceUpstream,
  type Revision,
  type RevisionClient,
} from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FEATURES, type Verdict } from './support/features.js';
import { ROOT } from './support/stack.js';
import { openWorld, type World } from './support/world.js';

const DOCUMENT = join(ROOT, 'docs/protocol.md');
const slugOf = (revision: Revision) => `u${revision.replaceAll('-', '')}`;

/** A person who says yes to everything and is called ann, whatever the field. */
const ANSWERS: Answers = {
  elicitation: ({ mode, requestedSchema }) => {
    if (mode === 'url') return { action: 'accept' };
    const { properties = {} } = (requestedSchema ?? {}) as { properties?: object };
    const content = Object.fromEntries(Object.keys(properties).map((name) => [name, 'ann']));
    return { action: 'accept', content };
  },
  sampling: () => ({
    role: 'assistant',
    model: 'of-the-client',
    stopReason: 'endTurn',
    content: { type: 'text', text: 'Paris' },
  }),
  roots: () => ({ roots: [{ uri: 'file:///home/ann', name: 'home' }] }),
};

let world: World;
const upstreams = new Map<Revision, ConformanceUpstream>();
const clients = new Map<Revision, RevisionClient>();
const outsiders = new Map<Revision, RevisionClient>();
const found = new Map<string, Verdict>();

beforeAll(async () => {
  world = await openWorld({
    policy: {
      version: 1,
      default: 'allow',
      rules: [
        {
          id: 'outsiders-see-nothing',
          when: { groups: ['contractors'] },
          effect: 'deny',
          message: 'Contractors have no business here',
        },
      ],
    },
  });
  for (const revision of REVISIONS) {
    const upstream = await startConformanceUpstream({ revision });
    upstreams.set(revision, upstream);
    const { id } = await world.rest.must<{ id: string }>('POST', '/connections', {
      slug: slugOf(revision),
      kind: revision === '2024-11-05' ? 'mcp-sse' : 'mcp-http',
      url: upstream.url,
    });
    const tested = await world.rest.must('POST', `/connections/${id}/test`, {});
    expect(tested, `the upstream of ${revision}`).toMatchObject({ status: 'ACTIVE' });
  }
  const { publicUrl } = world.stack;
  for (const revision of REVISIONS) {
    const url = `${publicUrl}${revision === '2024-11-05' ? '/sse' : '/mcp'}`;
    const { member, contractor } = world.workspace;
    clients.set(revision, await connectRevision(revision, url, member.apiKey, ANSWERS));
    outsiders.set(revision, await connectRevision(revision, url, contractor.apiKey, ANSWERS));
  }
});
afterAll(async () => {
  for (const client of [...clients.values(), ...outsiders.values()])
    await client.close().catch(() => undefined);
  for (const upstream of upstreams.values()) await upstream.close();
  await world?.close();
});

const PAIRS = REVISIONS.flatMap((client) => REVISIONS.map((upstream) => ({ client, upstream })));

describe.each(FEATURES)('$name', (feature) => {
  test.each(PAIRS)('$client client, $upstream upstream', async ({ client, upstream }) => {
    const all = PAIRS.map((pair) => ({
      client: clients.get(pair.client)!,
      upstream: upstreams.get(pair.upstream)!,
      slug: slugOf(pair.upstream),
    }));
    const at = PAIRS.findIndex((pair) => pair.client === client && pair.upstream === upstream);
    const verdict = await feature.run({ ...all[at]!, all });
    found.set(`${feature.name} ${client} ${upstream}`, verdict);
    expect(verdict).toBe(feature.expect(client, upstream));
  });
});

describe('a person whom the policy refuses', () => {
  const ATTEMPTS: [string, (slug: string) => Record<string, unknown>][] = [
    ['resources/read', (slug) => ({ uri: `${slug}+test://static-text` })],
    ['prompts/get', (slug) => ({ name: `${slug}_test_simple_prompt` })],
    [
      'completion/complete',
      (slug) => ({
        ref: { type: 'ref/prompt', name: `${slug}_test_simple_prompt` },
        argument: { name: 'a', value: '' },
      }),
    ],
  ];

  test.each(PAIRS)('gets nothing by $client from $upstream', async ({ client, upstream }) => {
    const outsider = outsiders.get(client)!;
    const { received } = upstreams.get(upstream)!.world;
    const slug = slugOf(upstream);
    received.length = 0;
    const called = await outsider.callTool(`${slug}_test_simple_text`).then(
      (result) => result['isError'] === true,
      () => true,
    );
    expect(called, 'the call is refused').toBe(true);
    for (const [method, params] of ATTEMPTS)
      await expect(outsider.request(method, params(slug)), method).rejects.toThrow();
    await expect(outsider.subscribe(`${slug}+test://watched-resource`)).rejects.toThrow();
    for (const [method, key] of [
      ['tools/list', 'tools'],
      ['resources/list', 'resources'],
      ['resources/templates/list', 'resourceTemplates'],
      ['prompts/list', 'prompts'],
    ] as const)
      expect(await outsider.request(method), method).toMatchObject({ [key]: [] });
    expect(received, 'nothing reached the upstream').toEqual([]);
  });
});

test('docs/protocol.md shows this table', () => {
  const document = readFileSync(DOCUMENT, 'utf8');
  const [before, , after] = document.split(/<!-- (?:matrix|end of matrix) -->\n/);
  const written = `${before}<!-- matrix -->\n${table()}<!-- end of matrix -->\n${after}`;
  if (process.env['UPDATE_DOCS']) writeFileSync(DOCUMENT, written);
  else expect(document, 'UPDATE_DOCS=1 writes it').toBe(written);
});

const SIGNS: Record<Verdict, string> = {
  works: '✓',
  converted: 'c',
  'not offered': '–',
  'cannot ask': 'a',
};

/** A row for each feature, a column for each client revision; a cell has one sign for each upstream. */
function table(): string {
  const row = (cells: string[]) => `| ${cells.join(' | ')} |\n`;
  const lines = FEATURES.map(({ name }) =>
    row([
      name,
      ...REVISIONS.map((client) => {
        const signs = REVISIONS.map(
          (upstream) => SIGNS[found.get(`${name} ${client} ${upstream}`)!],
        );
        return signs.every((sign) => sign === '✓') ? '✓' : `\`${signs.join('')}\``;
      }),
    ]),
  );
  return [row(['', ...REVISIONS]), row(REVISIONS.map(() => '---').concat('---')), ...lines].join(
    '',
  );
}
