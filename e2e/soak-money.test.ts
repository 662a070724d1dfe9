// A cap is never exceeded, and every amount is on record as it was: 64 clients of three people call tools of
// every cost model, some under the same idempotency key at once, against caps of workspace, person, group and
// tool that run out, are raised and are lowered meanwhile.
import { rawMcp, startRecordingUpstream, type RecordingUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unwatchCaps, watchCaps } from './chaos/budgets.ts';
import { seededRandom } from './chaos/random.ts';
import { isPosted, readMoney } from './money/money-records.ts';
import { drawArgs, PRICED, pricedTools, TOOLS, type Args } from './money/priced-tools.ts';
import { connect, eventually, openWorld, type World } from './support/world.js';

const TOTAL = Number(process.env['SOAK_CALLS'] ?? 5_000);
const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 1e9));
const CLIENTS = 64;
/** What a call is charged on average, had no cap refused it. */
const MEAN_MICROS = 400;
const EXPECTED = TOTAL * MEAN_MICROS;
const SENTENCE = /^Operation blocked: (Daily|Monthly|30-day) budget limit reached \(\$\d[\d,.]*\)$/;
const random = seededRandom(seed);

let world: World;
let upstream: RecordingUpstream;
const arrived = new Map<string, number>();
beforeAll(async () => {
  world = await openWorld();
  upstream = await startRecordingUpstream({ tools: pricedTools(arrived) });
  await connect(world.rest, 'pay', upstream.url);
  for (const name of TOOLS)
    await world.rest.must('PUT', `/tools/pay_${name}/cost`, PRICED[name]!.cost);
  await watchCaps(world.admin);
});
afterAll(async () => {
  await unwatchCaps(world.admin);
  await Promise.all([world.close(), upstream.close()]);
});

/** One request, and what its client was told. */
interface Told {
  who: number;
  tool: string;
  args: Args;
  key: string | undefined;
  callId: string | undefined;
  code: string | undefined;
  isError: boolean;
  text: string | undefined;
}
const told: Told[] = [];

async function request(who: number, tool: string, args: Args, key?: string): Promise<void> {
  const { owner, member, contractor } = world.workspace;
  const { message } = await rawMcp(
    world.mcp,
    'tools/call',
    { name: `pay_${tool}`, arguments: args },
    {
      token: [owner, member, contractor][who]!.apiKey,
      ...(key && { meta: { 'conducktor/idempotencyKey': key } }),
    },
  );
  // What came is not kept for all calls.
  upstream.calls.length = 0;
  upstream.requests.length = 0;
  const coded = (message?.result?._meta ?? message?.error?.data?.['_meta']) as
    | Record<string, string>
    | undefined;
  told.push({
    who,
    tool,
    args,
    key,
    callId: coded?.['conducktor/callId'],
    code: coded?.['conducktor/code'],
    isError: message?.result?.isError === true || message?.result === undefined,
    text: message?.result?.content?.[0]?.text ?? message?.error?.message,
  });
}

/** Calls until as many were made as wanted; `shared` are keys that another client of the same person has, too. */
async function live(client: number): Promise<void> {
  while (made < TOTAL) {
    const who = client % 3;
    const tool = random.pick(TOOLS);
    const nonce = `${client}.${made++}`;
    const args = drawArgs(random, nonce);
    if (random.next() >= 0.15) {
      await request(who, tool, args);
      continue;
    }
    const times = random.pick([2, 2, 3]);
    made += times - 1;
    const key = `key-${nonce}`;
    await Promise.all(Array.from({ length: times }, () => request(who, tool, args, key)));
  }
}
let made = 0;

const budgets = new Map<string, { id: string; counts(one: Told): boolean }>();
async function cap(
  name: string,
  share: number,
  scope: object,
  period: string,
  counts: (one: Told) => boolean,
) {
  const limitMicros = Math.round(EXPECTED * share);
  const { id } = await world.rest.must<{ id: string }>('POST', '/budgets', {
    scope,
    period,
    limitMicros,
    name,
  });
  budgets.set(name, { id, counts });
}
async function changeCap(name: string, share: number): Promise<number> {
  const limitMicros = Math.round(EXPECTED * share);
  await world.rest.must('PATCH', `/budgets/${budgets.get(name)!.id}`, { limitMicros });
  return Date.now();
}
const until = async (share: number) => {
  while (made < TOTAL * share) await new Promise((resolve) => setTimeout(resolve, 10));
};

test(
  `${TOTAL} calls of ${CLIENTS} clients: no cap exceeded, each refusal justified, the ledger balanced (SOAK_SEED=${seed})`,
  async () => {
    console.log(`SOAK_SEED=${seed}`);
    const { tenantId, member, owner, contractor, groupId } = world.workspace;
    await cap('all', 0.36, { kind: 'tenant' }, 'month', () => true);
    await cap('person', 0.08, { kind: 'user', id: member.memberId }, 'day', ({ who }) => who === 1);
    await cap('group', 0.3, { kind: 'group', id: groupId }, 'rolling-30d', ({ who }) => who === 2);
    await cap('tool', 0.06, { kind: 'tool', id: 'pay_cel' }, 'month', ({ tool }) => tool === 'cel');

    const began = performance.now();
    const clients = Array.from({ length: CLIENTS }, (_, client) => live(client));
    await until(0.5);
    // Below what is spent by now: from here on nobody of the group gets anything.
    const lowered = await changeCap('group', 0.03);
    await until(0.6);
    await changeCap('person', 0.1);
    await changeCap('tool', 0.07);
    await Promise.all(clients);
    const seconds = (performance.now() - began) / 1_000;

    const { admin } = world;
    const refused = told.filter(({ code }) => code === 'budget_exceeded');
    await eventually(
      'everything is sealed and posted',
      async () => {
        if (!(await isPosted(admin, tenantId))) return false;
        const { refusals } = await readMoney(admin, tenantId);
        return refusals.reduce((sum, { times }) => sum + times, 0) >= refused.length;
      },
      60_000,
    );
    const { calls, refusals, accounts, overshoots } = await readMoney(admin, tenantId);
    const byCall = new Map(calls.map((call) => [call.callId, call]));
    const done = told.filter(({ code }) => code !== 'budget_exceeded');
    console.log(
      `${told.length} requests in ${seconds.toFixed(1)} s: ${calls.length} calls, ${refused.length} refused by caps`,
    );

    // Not one over its cap, at any moment.
    expect(overshoots).toEqual([]);
    // What clients were told is what is on record, and costs what its arguments say.
    expect(done.filter(({ callId }) => !byCall.has(callId!)).slice(0, 5)).toEqual([]);
    expect(byCall.size).toBe(new Set(done.map(({ callId }) => callId)).size);
    const wrong = done.filter(({ callId, tool, args, isError }) => {
      const { reserved, cost, outcome } = byCall.get(callId!)!;
      const price = PRICED[tool]!;
      const fails = tool === 'success' && args.fails;
      return (
        reserved !== price.reserves(args) ||
        cost !== price.charges(args) ||
        isError !== fails ||
        outcome !== (fails ? 'error' : 'ok')
      );
    });
    expect(wrong.slice(0, 5)).toEqual([]);
    // A key is one call, and acts once; what was refused does not act.
    for (const [nonce, tries] of Map.groupBy(told, ({ args }) => args.nonce)) {
      const admitted = new Set(
        tries.filter(({ code }) => code !== 'budget_exceeded').map(({ callId }) => callId),
      );
      expect([nonce, admitted.size, arrived.get(nonce) ?? 0]).toEqual([
        nonce,
        Math.min(1, admitted.size),
        admitted.size,
      ]);
    }

    // Accounts hold what the calls in their scope cost; the ledger says the same, and nothing is held any more.
    const once = [...new Map(done.map((one) => [one.callId, one])).values()];
    for (const [name, { id, counts }] of budgets) {
      const own = accounts.filter(({ budgetId }) => budgetId === id);
      const cost = once
        .filter(counts)
        .reduce((sum, { tool, args }) => sum + PRICED[tool]!.charges(args), 0);
      const sums = own.map(({ spent, held, ledgerSpent, ledgerHeld }) => [
        spent - ledgerSpent,
        held,
        ledgerHeld,
      ]);
      expect([name, sums]).toEqual([name, own.map(() => [0, 0, 0])]);
      expect([name, own.reduce((sum, { spent }) => sum + spent, 0)]).toEqual([name, cost]);
    }
    const group = accounts.find(({ budgetId }) => budgetId === budgets.get('group')!.id)!;
    expect(group.spent).toBeGreaterThan(group.limit);
    expect(calls.filter(({ at, accounts: at_ }) => at > lowered && at_.includes(group.id))).toEqual(
      [],
    );

    // Every refusal is on record, by a cap that had no room for it.
    expect(refused.filter(({ text }) => !SENTENCE.test(text ?? '')).slice(0, 5)).toEqual([]);
    const people = [owner, member, contractor].map(({ memberId }) => memberId);
    const kinds = (who: number, tool: string) => `${people[who]} pay_${tool}`;
    const recorded = new Map(refusals.map((row) => [row.callId, row]));
    const unjustified = refused.filter(({ callId, who, tool, args }) => {
      const row = recorded.get(callId!);
      if (!row || `${row.memberId} ${row.tool}` !== kinds(who, tool)) return true;
      const { budget } = row;
      const fits =
        budget.spentMicros + budget.heldMicros + budget.neededMicros <= budget.limitMicros;
      const own = row.times > 1 || budget.neededMicros === PRICED[tool]!.reserves(args);
      return fits || !own;
    });
    expect(unjustified.slice(0, 5)).toEqual([]);
    expect(refusals.reduce((sum, { times }) => sum + times, 0)).toBe(refused.length);
    const by = new Set(refusals.map(({ budget }) => budget.id));
    expect([...budgets].filter(([, { id }]) => !by.has(id)).map(([name]) => name)).toEqual([]);
  },
  120_000 + TOTAL * 10,
);
