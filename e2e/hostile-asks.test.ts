// Questions under way: whoever uses the same ids, brings a state twice or tampers with it, and however
// a server floods with questions, each client gets its own answer and each call acts once.
import { rawMcp, startHostileUpstream, type HostileUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  answersTo,
  callAndAnswer,
  CAN_BE_ASKED,
  openAskedSession,
} from './support/asked-client.js';
import { startAskingUpstream, type AskingUpstream } from './support/asking-upstream.js';
import { FINE } from './support/told.js';
import { connect, openWorld, type World } from './support/world.js';

const CLIENTS = 200;
let world: World;
let asking: AskingUpstream;
let hostile: HostileUpstream;
beforeAll(async () => {
  [world, asking, hostile] = await Promise.all([
    openWorld(),
    startAskingUpstream(),
    startHostileUpstream(),
  ]);
  await connect(world.rest, 'asking', asking.url);
  await connect(world.rest, 'old', hostile.url('legacy'));
});
afterAll(() => Promise.all([world.close(), asking.close(), hostile.close()]));

/** The word that belongs to a canary; whoever answers another's question gives himself away. */
const wordFor = (canary: unknown) => [...String(canary)].toReversed().join('');
const answerer = (_method: string, params: Record<string, unknown>) => ({
  action: 'accept',
  content: { word: wordFor(params['message']) },
});

test(`${CLIENTS} clients of both eras, all with id 0, each answer their own question`, async () => {
  const { member, contractor, owner } = world.workspace;
  const tokens = [member.apiKey, contractor.apiKey, owner.apiKey];
  const foreign: string[] = [];
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, n) => {
      const canary = `canary-${n}-${Math.random()}`;
      const token = tokens[n % tokens.length]!;
      const seen =
        n % 2 === 0 ? await askedLegacy(token, canary) : await askedModern(token, canary);
      if (seen.questions.join() !== canary || seen.text !== `${canary}:${wordFor(canary)}`)
        foreign.push(`${n}: ${JSON.stringify(seen)}`);
    }),
  );
  expect(foreign).toEqual([]);
  expect([...asking.acted.values()].filter((times) => times !== 1)).toEqual([]);
  expect(asking.acted.size).toBe(CLIENTS);
}, 60_000);

async function askedLegacy(token: string, canary: string) {
  const session = await openAskedSession(world.mcp, token);
  const { answer, asked } = await callAndAnswer(
    { url: world.mcp, token, session, id: 0 },
    { name: 'asking_ask', arguments: { canary } },
    answerer,
  );
  const content = answer?.result?.['content'] as { text: string }[] | undefined;
  return {
    questions: asked.map(({ params }) => params?.['message']),
    text: content?.[0]?.text ?? JSON.stringify(answer),
  };
}

const modern = (token: string, params: Record<string, unknown>, method = 'tools/call') =>
  rawMcp(world.mcp, method, params, { token, id: 0, meta: CAN_BE_ASKED });

async function askedModern(token: string, canary: string) {
  const params = { name: 'asking_ask', arguments: { canary } };
  const first = await modern(token, params);
  const questions: unknown[] = [];
  const input = answersTo(first, (method, asked) => {
    questions.push(asked['message']);
    return answerer(method, asked);
  });
  const last = await modern(token, { ...params, ...input });
  return { questions, text: last.message?.result?.content?.[0]?.text ?? last.text };
}

describe('a requestState', () => {
  const params = (canary: string) => ({ name: 'asking_ask', arguments: { canary } });

  test('brought back by many at once and again afterwards acts once', async () => {
    const { apiKey: token } = world.workspace.member;
    const first = await modern(token, params('replayed'));
    const input = answersTo(first, answerer);
    const bring = () => modern(token, { ...params('replayed'), ...input });
    const answers = await Promise.all(Array.from({ length: 20 }, bring));
    answers.push(await bring());
    expect(asking.acted.get('replayed')).toBe(1);
    const words = `replayed:${wordFor('replayed')}`;
    const codes = answers.map(({ message }) =>
      message?.result?.content?.[0]?.text === words
        ? 'answered'
        : (message?.result?._meta?.['conducktor/code'] ?? message?.error?.code),
    );
    expect(codes).toContain('answered');
    const others = new Set(codes.filter((code) => code !== 'answered'));
    expect([...others].filter((code) => code !== 'outcome_unknown')).toEqual([]);
  });

  test('of another person, call, tool or method, or with any byte changed, is refused', async () => {
    const { member, contractor } = world.workspace;
    const first = await modern(member.apiKey, params('guarded'));
    const input = answersTo(first, answerer);
    const state = String(input['requestState']);
    const changed = `${state.slice(0, 40)}${state[40] === 'A' ? 'B' : 'A'}${state.slice(41)}`;
    const attempts = await Promise.all([
      modern(contractor.apiKey, { ...params('guarded'), ...input }),
      modern(member.apiKey, { ...params('other'), ...input }),
      modern(member.apiKey, { name: 'old_fine', arguments: {}, ...input }),
      modern(member.apiKey, { name: 'old_fine', ...input }, 'prompts/get'),
      modern(member.apiKey, { ...params('guarded'), ...input, requestState: changed }),
      modern(member.apiKey, { ...params('guarded'), ...input, requestState: `${state}AAAA` }),
      modern(member.apiKey, { ...params('guarded'), ...input, requestState: 'x'.repeat(100_000) }),
      modern(member.apiKey, { ...params('guarded'), ...input, requestState: { a: 1 } }),
    ]);
    expect(attempts.map(({ message }) => message?.error?.code)).toEqual(
      attempts.map(() => -32_602),
    );
    expect(asking.acted.get('guarded')).toBeUndefined();
    const honest = await modern(member.apiKey, { ...params('guarded'), ...input });
    expect(honest.message?.result?.content?.[0]?.text).toBe(`guarded:${wordFor('guarded')}`);
  });
});

test.each(['flood_of_asks', 'flood_of_forms', 'ask_of_5_mb', 'ask_after_answer', 'deep_ask'])(
  'a server’s %s reaches a client in bounds, and its call ends',
  async (name) => {
    const { apiKey: token } = world.workspace.member;
    const session = await openAskedSession(world.mcp, token);
    const { answer, asked } = await callAndAnswer(
      { url: world.mcp, token, session, id: 0 },
      { name: `old_${name}`, arguments: {} },
      () => ({ action: 'decline' }),
    );
    expect(answer?.result?.['content']).toEqual([{ type: 'text', text: FINE }]);
    expect(asked.length).toBeLessThanOrEqual(100);
    expect(JSON.stringify(asked).length).toBeLessThan(5_000_000);
  },
);

test('a client that answers nothing holds nobody up but itself', async () => {
  const { apiKey: token } = world.workspace.contractor;
  // More than one connection carries at once: a question holds no place in it.
  await Promise.all(
    Array.from({ length: 80 }, (_, n) =>
      modern(token, { name: 'asking_ask', arguments: { canary: `held-${n}` } }),
    ),
  );
  const started = performance.now();
  const seen = await askedModern(world.workspace.member.apiKey, 'after the held ones');
  expect(seen.text).toBe(`after the held ones:${wordFor('after the held ones')}`);
  expect(performance.now() - started).toBeLessThan(10_000);
});
