// Two gateways behind a balancer without sticky sessions; one is killed in the middle of calls,
// questions and subscriptions of both eras. Every client ends with a right answer or a clear error.
import {
  connectRevision,
  startConformanceUpstream,
  startRoundRobin,
  type Answers,
  type ConformanceUpstream,
  type Revision,
  type RevisionClient,
  type RoundRobin,
} from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from './chaos/random.ts';
import { startOwnGateway, type OwnGateway } from './support/own-gateway.js';
import { connect, eventually, openWorld, type World } from './support/world.js';

const ERAS = { legacy: '2025-11-25', modern: '2026-07-28' } as const satisfies Record<
  string,
  Revision
>;
const SLUGS = { legacy: 'old', modern: 'new' } as const;
type Era = keyof typeof ERAS;

const OPERATIONS = Number(process.env['TWO_GATEWAYS_OPERATIONS'] ?? 1_000);
const CLIENTS_PER_ERA = 5;
/** Longer than any right answer takes here; whoever waits longer waits for ever. */
const PATIENCE_MS = 30_000;
const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1e9));

const ANSWERS: Answers = {
  elicitation: () => ({ action: 'accept', content: { username: 'ann', email: 'ann@example.com' } }),
  sampling: () => ({
    role: 'assistant',
    model: 'of-the-client',
    content: { type: 'text', text: 'Paris' },
  }),
};

let world: World;
let gateways: OwnGateway[] = [];
let balancer: RoundRobin;
const upstreams = new Map<Era, ConformanceUpstream>();

beforeAll(async () => {
  world = await openWorld();
  for (const era of ['legacy', 'modern'] as const) {
    const upstream = await startConformanceUpstream({ revision: ERAS[era] });
    upstreams.set(era, upstream);
    await connect(world.rest, SLUGS[era], upstream.url);
  }
  gateways = await Promise.all([startOwnGateway(world.stack), startOwnGateway(world.stack)]);
  balancer = await startRoundRobin(gateways);
});
afterAll(async () => {
  await balancer?.close();
  for (const gateway of gateways) await gateway.kill();
  for (const upstream of upstreams.values()) await upstream.close();
  await world?.close();
});

type Ending = 'right' | 'clear error' | 'wrong' | 'hung';
interface Ended {
  kind: string;
  ending: Ending;
  detail?: string;
  afterKill: boolean;
}

const textOf = (result: Record<string, unknown>) =>
  String((result['content'] as { text?: string }[] | undefined)?.[0]?.text);

/** What a client does, and whether the answer is right. */
const KINDS: Record<string, (client: RevisionClient, slug: string) => Promise<boolean>> = {
  call: async (client, slug) =>
    textOf(await client.callTool(`${slug}_test_simple_text`)).startsWith('This is a simple text'),
  'call with progress': async (client, slug) => {
    const result = await client.callTool(
      `${slug}_test_tool_with_progress`,
      {},
      { onProgress() {} },
    );
    return textOf(result) === 'reported progress';
  },
  read: async (client, slug) => {
    const { contents } = (await client.request('resources/read', {
      uri: `${slug}+test://static-text`,
    })) as { contents: { text: string }[] };
    return contents[0]!.text.includes('static text');
  },
  elicitation: async (client, slug) =>
    textOf(await client.callTool(`${slug}_test_elicitation`, { message: 'Who?' })).includes('ann'),
  sampling: async (client, slug) =>
    textOf(await client.callTool(`${slug}_test_sampling`, { prompt: 'Capital?' })).endsWith(
      'Paris',
    ),
};

test(
  `${OPERATIONS} operations, one of two gateways killed (CHAOS_SEED=${seed})`,
  async () => {
    const random = seededRandom(seed).next;
    const ended: Ended[] = [];
    let killed = false;
    let begun = 0;

    const clientLoop = async (era: Era): Promise<void> => {
      let client: RevisionClient | undefined;
      while (begun < OPERATIONS) {
        begun++;
        const kinds = Object.keys(KINDS);
        const kind = kinds[Math.floor(random() * kinds.length)]!;
        const slug = random() < 0.5 ? SLUGS.legacy : SLUGS.modern;
        const operation = (async (): Promise<[Ending, string?]> => {
          client ??= await join(era);
          const right = await KINDS[kind]!(client, slug);
          return right ? ['right'] : ['wrong', `${kind} of ${slug}`];
        })().catch((error: Error & { code?: unknown }): [Ending, string] => {
          // A client whose connection broke begins anew, as applications do.
          const lost = client;
          client = undefined;
          void lost?.close().catch(() => undefined);
          return ['clear error', `${error.code ?? ''} ${error.message}`.trim().slice(0, 160)];
        });
        const [ending, detail] = await Promise.race([operation, patience()]);
        if (ending === 'hung') client = undefined;
        ended.push({ kind: `${era} ${kind}`, ending, detail, afterKill: killed });
      }
      await client?.close().catch(() => undefined);
    };

    const watchers = await Promise.all((['legacy', 'modern'] as const).map(watch));
    const loops = (['legacy', 'modern'] as const).flatMap((era) =>
      Array.from({ length: CLIENTS_PER_ERA }, () => clientLoop(era)),
    );
    await eventually(
      'the load runs',
      async () => ended.length > OPERATIONS / 3,
      30_000 + OPERATIONS * 50,
    );
    killed = true;
    await gateways[0]!.kill();
    await Promise.all(loops);

    const count = (ending: Ending) => ended.filter((one) => one.ending === ending).length;
    console.log(
      `${ended.length} operations: ${count('right')} right, ${count('clear error')} clear errors, ${count('wrong')} wrong, ${count('hung')} hung; requests per gateway ${balancer.served.join(' and ')}`,
    );
    for (const [detail, times] of tally(ended)) console.log(`  ${times} × ${detail}`);
    expect(ended.filter(({ ending }) => ending === 'hung' || ending === 'wrong')).toEqual([]);
    expect(ended.filter(({ ending, afterKill }) => ending !== 'right' && !afterKill)).toEqual([]);
    expect(Math.min(...balancer.served), 'both gateways had their share').toBeGreaterThan(
      OPERATIONS / 10,
    );
    // What one gateway had in hand, and no more: ten clients at once, a question or two each.
    expect(count('clear error')).toBeLessThan(10 * CLIENTS_PER_ERA);

    // Subscriptions go on with the gateway that is left.
    for (const watcher of watchers) await watcher.hearsAnUpdate();
    await Promise.all(watchers.map((watcher) => watcher.close()));
    await everyCallHasAnEnd();
  },
  PATIENCE_MS * 5 + OPERATIONS * 100,
);

function join(era: Era): Promise<RevisionClient> {
  return connectRevision(ERAS[era], `${balancer.url}/mcp`, world.workspace.member.apiKey, ANSWERS);
}

function patience(): Promise<[Ending]> {
  return new Promise((resolve) => setTimeout(() => resolve(['hung']), PATIENCE_MS).unref());
}

/** A client that has subscribed to a resource before one gateway dies. */
async function watch(era: Era) {
  const client = await join(era);
  const uri = `${SLUGS[era]}+test://watched-resource`;
  await client.subscribe(uri);
  return {
    close: () => client.close(),
    /** A legacy client's stream is opened again by the client itself, a modern one listens again. */
    hearsAnUpdate: async () => {
      const heard = () =>
        client.notifications.filter(({ method }) => method === 'notifications/resources/updated')
          .length;
      if (era === 'modern') await eventually('it listens again', () => again(client, uri), 20_000);
      const before = heard();
      await eventually(
        `the ${era} client hears of an update`,
        async () => {
          upstreams.get(era)!.world.announce({ uri: 'test://watched-resource' });
          await new Promise((resolve) => setTimeout(resolve, 200));
          return heard() > before;
        },
        20_000,
      );
    },
  };
}

const again = (client: RevisionClient, uri: string) =>
  client.subscribe(uri).then(
    () => true,
    () => false,
  );

function tally(ended: Ended[]): [string, number][] {
  const times = new Map<string, number>();
  for (const { kind, ending, detail } of ended) {
    if (ending === 'right') continue;
    const key = `${kind}: ${ending}${detail ? `, ${detail}` : ''}`;
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  return [...times].sort((a, b) => b[1] - a[1]);
}

/**
 * The killed gateway's calls too: its workers bring their outcomes, or they are unknown. A call of the
 * other one may wait on for an answer that its client gave to the killed one: it has ten minutes for it,
 * where others have seconds.
 */
async function everyCallHasAnEnd(): Promise<void> {
  const { tenantId } = world.workspace;
  const open = async () => {
    const { rows } = await world.admin.pool.query<{ call_id: string }>(
      `select call_id from audit_event c where tenant_id = $1 and kind = 'call' and not exists
         (select from audit_event o where o.tenant_id = c.tenant_id and o.call_id = c.call_id and o.kind = 'outcome')
       and not exists (select from open_call k where k.call_id = c.call_id)
       and not exists (select from call w join epoch e on e.id = w.epoch
         where w.call_id = c.call_id and e.closed_at is null and w.deadline > now() + interval '1 minute')`,
      [tenantId],
    );
    return rows.map((row) => row.call_id);
  };
  // A lost epoch is closed, then late outcomes are settled and sealed, beside all that other tests do.
  await eventually(
    'every call has an outcome or is held',
    async () => (await open()).length === 0,
    30_000,
  ).catch(async (error: Error) => {
    throw new Error(`${error.message}; open: ${(await open()).slice(0, 5).join(', ')}`);
  });
}
