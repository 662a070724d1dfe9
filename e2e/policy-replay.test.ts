// A simulation says what would have happened. Calls are made under one policy; another is tried on them,
// becomes the active one, and the same calls are made again: each must end as it was said, by the rule that
// was said. Policies and calls are drawn at random, with all that a policy may ask for.
import { newId } from '@conducktor/contracts';
import { rawCall, startRecordingUpstream, type RecordingUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENTS, draw, TOOLS, type Call, type DrawnPolicy } from './replay/drawn.js';
import { activatePolicy, connect, eventually, openWorld, type World } from './support/world.js';

const SEED = Number(process.env['REPLAY_SEED'] ?? Date.now() % 100_000);
// A person may have a hundred calls that wait for approval, of all rounds together.
const CALLS = 90;
const ROUNDS = 3;
const CAPABILITIES = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

let world: World;
let crm: RecordingUpstream;
beforeAll(async () => {
  world = await openWorld();
  const hints = {
    find: { readOnlyHint: true },
    inbox: { readOnlyHint: true },
    erase: { destructiveHint: true },
  };
  crm = await startRecordingUpstream({
    tools: TOOLS.map((name) => ({
      definition: {
        name,
        description: name,
        inputSchema: { type: 'object' },
        annotations: { destructiveHint: false, ...hints[name as keyof typeof hints] },
      },
      run: () => ({ content: [{ type: 'text', text: `${name}: ada@x.example` }] }),
    })) as never,
  });
  await connect(world.rest, 'crm', crm.url);
  for (const [tool, label] of [
    ['find', 'private'],
    ['inbox', 'untrusted'],
    ['send', 'egress'],
  ])
    await world.rest.must('PATCH', `/tools/crm_${tool}`, { labels: [label] });
});
afterAll(async () => {
  await crm.close();
  await world.close();
});

test('every call of a replay is decided as the simulation said, by the rule it said', async () => {
  console.log(`REPLAY_SEED=${SEED}`);
  const { policies, calls } = draw(SEED, {
    policies: ROUNDS,
    calls: CALLS,
    slug: world.workspace.slug,
  });
  let made: Made[][] = [];
  const seen = { compared: 0, changed: 0, refusedBefore: 0, notJudged: 0, givenOtherwise: 0 };
  for (const policy of policies) {
    const said = made.length > 0 ? await simulated(policy, made.flat()) : undefined;
    await activatePolicy(world.rest, policy);
    const asksSeen = policy.rules.some(({ when }) => when.seen);
    const now = await makeAll(calls);
    for (const [i, before] of made.flatMap((round) => [...round.entries()])) {
      const about = `call ${i}: ${JSON.stringify(calls[i])} by ${JSON.stringify(policy)}`;
      const expected = said!.of(before);
      if (expected === undefined) seen.notJudged++;
      // What a client was given is taken from the record: it may be given more, or less, by the new policy.
      else if (asksSeen && before.given !== now[i]!.given) seen.givenOtherwise++;
      else {
        const { unknown, effect, rule } = now[i]!;
        expect({ effect, rule }, about).toMatchObject(
          unknown ? { effect: expected.effect } : expected,
        );
        seen.compared++;
        if (expected.effect !== before.effect) seen.changed++;
        if (before.effect !== 'allow') seen.refusedBefore++;
      }
    }
    made = [...made, now];
  }
  console.log(JSON.stringify(seen));
  // Else nothing was shown.
  expect(seen.compared).toBeGreaterThan(calls.length / 3);
});

interface Said {
  effect: string;
  rule: string | null;
}

interface Made extends Said {
  callId: string;
  /** A rule took something out of what audit keeps of its arguments, or could not be asked whether to. */
  lacks: boolean;
  /** What its client was given before in this round. */
  given: string;
  /** To this person there was no such connection, which audit does not tell from a made-up name. */
  unknown: boolean;
  eventId: string;
}

/** What a simulation says of calls that were made; undefined where it could not judge one, and may not have. */
async function simulated(document: DrawnPolicy, made: readonly Made[]) {
  const { id } = await world.rest.must<{ id: string }>('POST', '/policies/simulate', {
    document,
    days: 1,
  });
  const view = await eventually('the simulation is done', async () => {
    const now = await world.rest.must<{ state: string }>('GET', `/policies/simulations/${id}`);
    return now.state === 'done' && (now as unknown as Simulated);
  });
  const changes = await changesOf(id);
  const { totals } = view;
  const known = made.filter(({ unknown }) => !unknown);
  expect(totals.calls).toBe(known.length);
  expect(changes.size).toBe(totals.changed);
  // Whether the arguments matter to a call that lacks some hangs on the policy; of others all are judged.
  const lacking = known.filter(({ lacks }) => lacks).length;
  expect(totals.calls - totals.judged, JSON.stringify(totals)).toBeLessThanOrEqual(lacking);
  const wholly = totals.calls === totals.judged;
  return {
    of: ({ eventId, effect, lacks, unknown }: Made): Partial<Said> | undefined => {
      const change = changes.get(eventId);
      if (change) return change;
      return unknown || (lacks && !wholly) ? undefined : { effect };
    },
  };
}

interface Simulated {
  totals: { calls: number; judged: number; changed: number };
}

/** By clients that were never seen before, each of which does one thing after the other. */
async function makeAll(calls: readonly Call[]): Promise<Made[]> {
  const clients: { who: Call['who']; client: number; key: string }[] = [];
  for (const who of ['owner', 'member', 'contractor'] as const)
    for (let client = 0; client < CLIENTS; client++) {
      const { key } = await world.rest.must<{ key: string }>('POST', '/api-keys', {
        name: `replay ${newId('key')}`,
        memberId: world.workspace[who].memberId,
        scopes: ['mcp:read', 'mcp:write'],
      });
      clients.push({ who, client, key });
    }
  const answers: Answer[] = [];
  const makeTheirs = async ({ who, client, key }: (typeof clients)[number]) => {
    const given = new Set<string>();
    for (const [i, call] of calls.entries()) {
      if (call.who !== who || call.client !== client) continue;
      answers[i] = { ...(await make(call, key)), given: [...given].sort().join() };
      if (answers[i].code === undefined && ['find', 'inbox'].includes(call.tool))
        given.add(call.tool);
    }
  };
  await Promise.all(clients.map(makeTheirs));
  return recorded(answers);
}

interface Answer {
  callId: string;
  code: string | undefined;
  given: string;
}

async function make({ tool, args }: Call, token: string) {
  const { message } = await rawCall(world.mcp, `crm_${tool}`, args, {
    token,
    meta: { 'io.modelcontextprotocol/clientCapabilities': CAPABILITIES },
  });
  const meta = (message?.result ?? message?.error?.data)?._meta as Record<string, string>;
  const code = meta['conducktor/code'];
  expect(
    [undefined, 'policy_denied', 'approval_required', 'unknown_tool'],
    JSON.stringify(message),
  ).toContain(code);
  return { callId: meta['conducktor/callId']!, code };
}

/** Each answer with what audit says of it, once all are sealed. */
async function recorded(answers: readonly Answer[]): Promise<Made[]> {
  const ids = answers.map(({ callId }) => callId);
  const events = await eventually('every call is sealed', async () => {
    const { rows } = await world.admin.pool.query<{
      callId: string;
      id: string;
      detail: { rule?: string; argumentsRedacted?: boolean; approval?: string; repeated?: number };
      kept: boolean;
    }>(
      `select call_id as "callId", id, detail,
              arguments_sealed is not null or detail ->> 'argumentsIn' is not null as kept
         from audit_event
        where tenant_id = $1 and kind in ('call', 'denial') and call_id = any($2)`,
      [world.workspace.tenantId, ids],
    );
    return rows.length === new Set(ids).size && new Map(rows.map((row) => [row.callId, row]));
  });
  return answers.map(({ callId, code, given }) => {
    const { id, detail, kept } = events.get(callId)!;
    expect(detail.repeated).toBeUndefined();
    return {
      callId,
      given,
      effect:
        code === undefined ? 'allow' : code === 'approval_required' ? 'require_approval' : 'deny',
      rule: detail.rule ?? null,
      lacks: detail.argumentsRedacted === true || !(kept || detail.approval !== undefined),
      unknown: code === 'unknown_tool',
      eventId: id,
    };
  });
}

async function changesOf(id: string): Promise<Map<string, Said>> {
  const changes = new Map<string, Said>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: {
      items: { eventId: string; now: Said }[];
      nextCursor: string | null;
    } = await world.rest.must(
      'GET',
      `/policies/simulations/${id}/changes?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    for (const { eventId, now } of page.items)
      changes.set(eventId, { effect: now.effect, rule: now.rule });
    cursor = page.nextCursor;
  }
  return changes;
}
