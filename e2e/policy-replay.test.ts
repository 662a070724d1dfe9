// A simulation says what would have happened: some hundred real calls are made under one policy, another
// policy is tried on them, becomes the active one, and the same calls are made again. Each must end as it
// was said.
import { newId } from '@conducktor/contracts';
import { rawCall, startRecordingUpstream, type RecordingUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { activatePolicy, connect, eventually, openWorld, type World } from './support/world.js';

const SEED = Number(process.env['REPLAY_SEED'] ?? Date.now() % 100_000);
const CALLS = 200;

const BEFORE = {
  version: 1,
  default: 'allow',
  rules: [
    { id: 'no-erasing', when: { tools: ['crm_erase'], groups: ['contractors'] }, effect: 'deny' },
  ],
};
const AFTER = {
  version: 1,
  default: 'allow-read',
  taint: { window: '1h' },
  rules: [
    { id: 'writes', when: { class: ['write', 'destructive'] }, effect: 'allow' },
    {
      id: 'large',
      when: { tools: ['crm_update'], if: 'args.amount > 500 && args.note.matches("^[a-m]")' },
      effect: 'deny',
    },
    { id: 'leak', when: { labels: ['egress'], seen: ['private'] }, effect: 'deny' },
    {
      id: 'contractors',
      when: { groups: ['contractors'], tools: ['crm_update'], if: 'has(args.urgent)' },
      effect: 'deny',
    },
    {
      id: 'not-mine',
      when: { if: 'caller.email.startsWith("owner") && tool.class == "destructive"' },
      effect: 'deny',
    },
    {
      id: 'broken',
      when: { tools: ['crm_update'], if: 'args.tags.exists(t, t == "x")' },
      effect: 'deny',
    },
  ],
};

// Refusals are few, because many equal ones share a record, which is written later.
const TOOLS = [
  'update',
  'update',
  'update',
  'update',
  'update',
  'send',
  'send',
  'send',
  'erase',
  'find',
];

interface Call {
  who: 'owner' | 'member' | 'contractor';
  tool: string;
  args: Record<string, unknown>;
}

let world: World;
let crm: RecordingUpstream;
beforeAll(async () => {
  world = await openWorld({ policy: BEFORE });
  const object = { type: 'object' };
  const tool = (name: string, annotations: object) => ({
    definition: { name, description: name, inputSchema: object, annotations },
    run: () => ({ content: [{ type: 'text', text: name }] }),
  });
  crm = await startRecordingUpstream({
    tools: [
      tool('find', { readOnlyHint: true }),
      tool('update', { readOnlyHint: false, destructiveHint: false }),
      tool('erase', { readOnlyHint: false, destructiveHint: true }),
      tool('send', { readOnlyHint: false, destructiveHint: false }),
    ] as never,
  });
  await connect(world.rest, 'crm', crm.url);
  await world.rest.must('PATCH', '/tools/crm_find', { labels: ['private'] });
  await world.rest.must('PATCH', '/tools/crm_send', { labels: ['egress'] });
});
afterAll(async () => {
  await crm.close();
  await world.close();
});

test('every call of a replay is decided as the simulation said', async () => {
  console.log(`REPLAY_SEED=${SEED}`);
  const calls = callsOf(SEED);
  const first = await makeAll(calls);
  const sealed = await eventually('every call is sealed', async () => {
    const events = await eventsOfCalls();
    return first.every(({ callId }) => events.has(callId)) && events;
  });

  const { id } = await world.rest.must<{ id: string }>('POST', '/policies/simulate', {
    document: AFTER,
    days: 1,
    connection: 'crm',
  });
  const simulated = await eventually('the simulation is done', async () => {
    const view = await world.rest.must<{ state: string }>('GET', `/policies/simulations/${id}`);
    return view.state === 'done' && (view as unknown as Simulated);
  });
  const said = await changesOf(id);

  await activatePolicy(world.rest, AFTER);
  const second = await makeAll(calls);

  expect(simulated.totals.calls).toBe(CALLS);
  let compared = 0;
  for (const [i, { callId, effect }] of first.entries()) {
    // The arguments of refused calls are not kept.
    if (effect === 'deny') continue;
    const expected = said.get(sealed.get(callId)!) ?? effect;
    expect(second[i]!.effect, `call ${i}: ${JSON.stringify(calls[i])}`).toBe(expected);
    compared++;
  }
  expect(simulated.totals.judged).toBe(compared);
  expect(said.size).toBeGreaterThan(CALLS / 10);
  expect(said.size).toBe(simulated.totals.changed);
});

interface Simulated {
  totals: { calls: number; judged: number; changed: number };
}

/** The same for the same seed. */
function callsOf(seed: number): Call[] {
  let state = seed + 1;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  return Array.from({ length: CALLS }, (_, i) => ({
    who: (['owner', 'member', 'contractor'] as const)[random(3)]!,
    // Finding something private comes late, so that sending goes both ways.
    tool: TOOLS[random(i > CALLS / 2 ? TOOLS.length : TOOLS.length - 1)]!,
    args: {
      amount: random(1_000),
      note: 'abcmnxyz'[random(8)]!.repeat(1 + random(20)),
      ...(random(4) === 0 && { urgent: true }),
      // Where it is missing, the rule that asks for it fails, and refuses.
      ...(random(10) > 0 && { tags: random(6) === 0 ? ['x'] : ['a', 'b'] }),
      ...(random(30) === 0 && { text: 'large '.repeat(400) }),
    },
  }));
}

/** By clients that were never seen before: each person's own, which does one thing after the other. */
async function makeAll(calls: readonly Call[]): Promise<{ callId: string; effect: string }[]> {
  const keys = new Map<string, string>();
  for (const who of ['owner', 'member', 'contractor'] as const) {
    const { key } = await world.rest.must<{ key: string }>('POST', '/api-keys', {
      name: `replay ${newId('key')}`,
      memberId: world.workspace[who].memberId,
      scopes: ['mcp:read', 'mcp:write'],
    });
    keys.set(who, key);
  }
  const made: { callId: string; effect: string }[] = [];
  const oneAfterTheOther = async (who: string) => {
    for (const [i, call] of calls.entries())
      if (call.who === who) made[i] = await make(call, keys.get(who)!);
  };
  await Promise.all([...keys.keys()].map(oneAfterTheOther));
  return made;
}

async function make({ tool, args }: Call, token: string) {
  const { message } = await rawCall(world.mcp, `crm_${tool}`, args, { token });
  const meta = message?.result?._meta ?? {};
  const callId = meta['conducktor/callId'] as string;
  const code = meta['conducktor/code'] as string | undefined;
  expect([undefined, 'policy_denied'], JSON.stringify(message)).toContain(code);
  return { callId, effect: code === undefined ? 'allow' : 'deny' };
}

/** Ids of events by the ids of their calls; a refusal is known by its record. */
async function eventsOfCalls(): Promise<Map<string, string>> {
  const { rows } = await world.admin.pool.query<{ callId: string; id: string }>(
    `select call_id as "callId", id from audit_event where tenant_id = $1 and kind in ('call', 'denial')`,
    [world.workspace.tenantId],
  );
  return new Map(rows.map(({ callId, id }) => [callId, id]));
}

async function changesOf(id: string): Promise<Map<string, string>> {
  const changes = new Map<string, string>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: {
      items: { eventId: string; now: { effect: string } }[];
      nextCursor: string | null;
    } = await world.rest.must(
      'GET',
      `/policies/simulations/${id}/changes?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    for (const { eventId, now } of page.items) changes.set(eventId, now.effect);
    cursor = page.nextCursor;
  }
  return changes;
}
