// CVE-2026-25536: hundreds of clients of several workspaces that all use the same JSON-RPC ids, in every
// way in which a client can be answered. Whatever reaches a client or an upstream says whose it is.
import {
  connectRevision,
  rawMcp,
  startRecordingUpstream,
  type FixtureTool,
  type RecordingUpstream,
  type RevisionClient,
} from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAskedSession } from './support/asked-client.js';
import { seededRandom } from './chaos/random.js';
import { connect, eventually, openWorld, type World } from './support/world.js';

const TOTAL = Number(process.env['SOAK_CALLS'] ?? 2_000);
const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 1e9));
const CLIENTS = 200;
const TENANTS = 5;
/** The same for everybody, and alike where a lookup might take one for another. */
const IDS = [0, '0', 1, 'id', '', '__proto__', 'call_0000000000000000000000'];
/** Whose it is: workspace, client, call. */
const CANARY = /cnry-w(\d+)-c(\d+)-n(\d+)-/g;

interface Tenant {
  world: World;
  upstream: RecordingUpstream;
}
const tenants: Tenant[] = [];
/** Canaries that arrived at an upstream of another workspace. */
const strayed: string[] = [];
const random = seededRandom(seed).next;

beforeAll(async () => {
  for (let n = 0; n < TENANTS; n++) {
    const world = await openWorld();
    const upstream = await startRecordingUpstream({ tools: [mirror(n)] });
    await connect(world.rest, 'own', upstream.url);
    tenants.push({ world, upstream });
  }
});
afterAll(async () => {
  for (const { world, upstream } of tenants) await Promise.all([world.close(), upstream.close()]);
});

/** Says what it was told and whose server it is, after a while that lets answers overtake each other. */
function mirror(tenant: number): FixtureTool {
  return {
    definition: {
      name: 'mirror',
      inputSchema: { type: 'object', properties: { canary: { type: 'string' } } },
      annotations: { readOnlyHint: true },
    },
    run: async ({ canary }, { progress }) => {
      if (!String(canary).startsWith(`cnry-w${tenant}-`)) strayed.push(`${tenant}: ${canary}`);
      progress(1, 2, `half of ${String(canary)}`);
      await new Promise((resolve) => setTimeout(resolve, random() * 10));
      // Only counted here: what came is not kept for a hundred thousand calls.
      tenants[tenant]!.upstream.calls.length = 0;
      tenants[tenant]!.upstream.requests.length = 0;
      return { content: [{ type: 'text', text: `w${tenant} ${String(canary)}` }] };
    },
  };
}

/** What came back for one call, in whatever way: the text of the result, and all that came with it. */
interface Seen {
  text: string | undefined;
  id: unknown;
  all: string;
}
type Call = (canary: string, id: string | number) => Promise<Seen>;
const NAME = 'own_mirror';

/** A client of each kind by turns; those of an official SDK count their ids from 0, each of them. */
async function openClient(n: number): Promise<{ call: Call; close?: () => Promise<void> }> {
  const { world } = tenants[n % TENANTS]!;
  const { owner, member, contractor } = world.workspace;
  const token = [owner, member, contractor][n % 3]!.apiKey;
  const raw =
    (era: 'modern' | 'legacy', extra: { streamed?: boolean; session?: string } = {}): Call =>
    async (canary, id) => {
      const { text, message } = await rawMcp(
        world.mcp,
        'tools/call',
        { name: NAME, arguments: { canary } },
        {
          token,
          era,
          id,
          ...(extra.streamed && { meta: { progressToken: 0 } }),
          ...(extra.session && { headers: { 'mcp-session-id': extra.session } }),
        },
      );
      return { text: message?.result?.content?.[0]?.text, id: message?.id, all: text };
    };
  const official = async (revision: '2024-11-05' | '2025-11-25' | '2026-07-28') => {
    const url = revision === '2024-11-05' ? `${world.stack.publicUrl}/sse` : world.mcp;
    const client = await connectRevision(revision, url, token);
    return { call: bySdk(client), close: () => client.close() };
  };
  switch (Math.floor(n / TENANTS) % 8) {
    case 0:
      return { call: raw('legacy') };
    case 1:
      return { call: raw('modern') };
    case 2:
      return { call: raw('legacy', { streamed: true }) };
    case 3:
      return { call: raw('modern', { streamed: true }) };
    case 4: {
      const session = await openAskedSession(world.mcp, token);
      return { call: raw('legacy', { streamed: true, session }) };
    }
    case 5:
      return official('2024-11-05');
    case 6:
      return official('2025-11-25');
    default:
      return official('2026-07-28');
  }
}

const bySdk =
  (client: RevisionClient): Call =>
  async (canary, id) => {
    const progress: number[] = [];
    const result = await client.callTool(
      NAME,
      { canary },
      { onProgress: (value) => progress.push(value) },
    );
    const notes = client.notifications.splice(0);
    const [content] = result['content'] as { text: string }[];
    return { text: content?.text, id, all: JSON.stringify([result, notes]) };
  };

test(
  `${TOTAL} concurrent calls of ${CLIENTS} clients with the same ids: 0 foreign results, 0 lost`,
  async () => {
    console.log(`SOAK_SEED=${seed}`);
    const foreign: string[] = [];
    const lost: string[] = [];
    const made = Array.from({ length: TENANTS }, () => 0);
    let started = 0;
    let done = 0;
    const began = performance.now();
    const live = async (n: number) => {
      const client = await openClient(n);
      const tenant = n % TENANTS;
      while (started < TOTAL) {
        const call = started++;
        made[tenant]!++;
        const canary = `cnry-w${tenant}-c${n}-n${call}-${Math.floor(random() * 1e9)}`;
        const id = IDS[Math.floor(random() * IDS.length)]!;
        try {
          const seen = await client.call(canary, id);
          const others = [...seen.all.matchAll(CANARY)].filter(([one]) => !canary.startsWith(one));
          if (others.length > 0) foreign.push(`${canary} saw ${others.map(([one]) => one).join()}`);
          if (seen.text !== `w${tenant} ${canary}` || seen.id !== id)
            lost.push(`${canary} (${id}): ${seen.all.slice(0, 300)}`);
        } catch (error) {
          lost.push(`${canary}: ${String(error)}`);
        }
        if (++done % Math.ceil(TOTAL / 10) === 0) {
          const perSecond = Math.round((done / (performance.now() - began)) * 1_000);
          console.log(
            `${done} calls, ${perSecond}/s, ${foreign.length} foreign, ${lost.length} lost`,
          );
        }
      }
      await client.close?.();
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, n) => live(n)));
    expect(foreign).toEqual([]);
    expect(lost.slice(0, 20)).toEqual([]);
    expect(strayed).toEqual([]);
    await eventually(
      'each workspace has a record of its own calls and no others',
      async () => {
        const counts = await Promise.all(tenants.map(({ world }) => recorded(world)));
        return counts.every((count, n) => count === made[n]);
      },
      30_000 + TOTAL,
    );
  },
  120_000 + TOTAL * 10,
);

async function recorded({ admin, workspace }: World): Promise<number> {
  const { rows } = await admin.pool.query<{ n: string }>(
    "select count(*) as n from audit_event where tenant_id = $1 and kind = 'call' and tool = $2",
    [workspace.tenantId, NAME],
  );
  return Number(rows[0]!.n);
}
