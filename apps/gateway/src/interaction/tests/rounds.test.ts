// What modern servers ask, and what legacy clients are asked, over two gateways and a worker.
import { describe, expect, test } from 'vitest';
import {
  ACCOUNT,
  ALL,
  MESSAGE,
  NAME,
  asked,
  current,
  modern,
  one,
  path,
  resultOf,
  settled,
  textOf,
  two,
  type Fields,
  preparePath,
} from './support.js';

preparePath();

describe('a modern client and a modern server', () => {
  const stateful = 'new_test_input_required_result_request_state';

  test('the server’s state travels sealed; the retry is a call of its own on any gateway', async () => {
    const first = asked(await path.call(one, stateful, {}, modern));
    expect(first.keys).toEqual(['confirm']);
    expect(first.state).toMatch(/^[\w-]{40,}$/);
    await settled(first.callId, 'ok');
    const answer = await path.call(
      two,
      stateful,
      {},
      {
        ...modern,
        ...first.with({ confirm: { action: 'accept', content: { ok: true } } }),
      },
    );
    expect(textOf(answer)).toBe('state-ok');
    expect(resultOf(answer)._meta['conducktor/callId']).not.toBe(first.callId);
  });

  test('rounds follow each other, each with a state of its own', async () => {
    const name = 'new_test_input_required_result_multi_round';
    const first = asked(await path.call(one, name, {}, modern));
    const second = asked(
      await path.call(two, name, {}, { ...modern, ...first.with({ step1: NAME }) }),
    );
    expect(second.keys).toEqual(['step2']);
    expect(second.state).not.toBe(first.state);
    const blue = { step2: { action: 'accept', content: { color: 'blue' } } };
    const answer = await path.call(one, name, {}, { ...modern, ...second.with(blue) });
    expect(textOf(answer)).toBe('Ann likes blue');
  });

  test('answers without a state reach the server as they are', async () => {
    const name = 'new_test_input_required_result_elicitation';
    const inputResponses = { user_name: NAME, unknown: { action: 'accept' } };
    const answer = await path.call(one, name, {}, { ...modern, input: { inputResponses } });
    expect(textOf(answer)).toBe('Hello, Ann!');
  });

  test.each([
    ['tampered', (state: string) => ({ requestState: `${state}-TAMPERED` }), {}],
    ['brought by another person', (state: string) => ({ requestState: state }), 'contractor'],
    ['brought with other arguments', (state: string) => ({ requestState: state }), { more: 1 }],
  ] as const)('a state that is %s is an error, and reaches nobody', async (_, input, by) => {
    const first = asked(await path.call(one, stateful, {}, modern));
    const calls = () => current.world.received.filter(({ method }) => method === 'tools/call');
    const before = calls().length;
    const answer = await path.call(two, stateful, typeof by === 'object' ? by : {}, {
      ...modern,
      ...(by === 'contractor' && { apiKey: path.people.contractor.apiKey }),
      input: { ...input(first.state!), inputResponses: {} },
    });
    expect(answer).toMatchObject({
      kind: 'error',
      error: { code: -32_602, data: { _meta: { 'conducktor/code': 'invalid_input' } } },
    });
    expect(calls()).toHaveLength(before);
  });

  test.each([12_345, null, { user_name: 12_345 }, [NAME]])(
    'responses that are none are an error (%j)',
    async (inputResponses) => {
      const name = 'new_test_input_required_result_elicitation';
      const input = { inputResponses: inputResponses as unknown as Fields };
      expect(await path.call(one, name, {}, { ...modern, input })).toMatchObject({
        error: { code: -32_602 },
      });
    },
  );

  test('a client is asked only what it declared', async () => {
    const name = 'new_test_input_required_result_capabilities';
    const capabilities = { sampling: {} };
    const first = asked(await path.call(one, name, {}, { era: 'modern', capabilities }));
    expect(first.keys).toEqual(['greeting']);
    const none = await path.call(
      one,
      'new_test_elicitation',
      { message: 'Who?' },
      { capabilities },
    );
    expect(none).toMatchObject({
      kind: 'error',
      status: 400,
      error: { code: -32_021, data: { requiredCapabilities: { elicitation: { form: {} } } } },
    });
  });

  test('a state without a question is brought back by the gateway, in calls that are recorded', async () => {
    const count = async () =>
      (await path.records()).filter(({ tool }) => tool === 'busy_not_yet').length;
    const before = await count();
    expect(textOf(await path.call(one, 'busy_not_yet', {}, modern))).toBe('now');
    expect(await count()).toBe(before + 2);
  });

  test('a URL elicitation error becomes a question; the retry calls again without an input', async () => {
    const first = asked(await path.call(one, 'linked_open', {}, modern));
    expect(first.requests).toEqual({
      'url-1': {
        method: 'elicitation/create',
        params: { mode: 'url', url: 'https://x.example/link', message: 'Link your account' },
      },
    });
    expect(
      textOf(
        await path.call(
          two,
          'linked_open',
          {},
          { ...modern, ...first.with({ 'url-1': { action: 'accept' } }) },
        ),
      ),
    ).toBe('open');
    const again = asked(await path.call(one, 'linked_closed', {}, modern));
    const declined = { 'url-1': { action: 'decline' } };
    expect(
      await path.call(two, 'linked_closed', {}, { ...modern, ...again.with(declined) }),
    ).toMatchObject({ kind: 'error', error: { code: -32_042 } });
    expect(
      await path.call(two, 'linked_closed', {}, { capabilities: { elicitation: { form: {} } } }),
    ).toMatchObject({
      error: { code: -32_021, data: { requiredCapabilities: { elicitation: { url: {} } } } },
    });
  });

  test('an idempotency key holds for each round, not for the whole', async () => {
    const key = { ...modern, idempotencyKey: 'rounds-1' };
    const first = asked(await path.call(one, stateful, {}, key));
    const repeated = asked(await path.call(two, stateful, {}, key));
    expect(repeated.state).toBe(first.state);
    const retry = {
      ...key,
      ...first.with({ confirm: { action: 'accept', content: { ok: true } } }),
    };
    const answers = [
      await path.call(two, stateful, {}, retry),
      await path.call(one, stateful, {}, retry),
    ];
    expect(answers.map(textOf)).toEqual(['state-ok', 'state-ok']);
    expect(resultOf(answers[0]!)._meta).toEqual(resultOf(answers[1]!)._meta);
  });
});

describe('a legacy client', () => {
  const legacy = (ask: (question: { method: string; params: Fields }) => Fields | 'error') => {
    const questions: { method: string; params: Fields }[] = [];
    return {
      questions,
      by: {
        era: 'legacy' as const,
        capabilities: ALL,
        ask: async (question: { method: string; params: Fields }) => {
          questions.push(question);
          const result = ask(question);
          return result === 'error'
            ? { error: { code: -1, message: 'The person is asleep' } }
            : { result };
        },
      },
    };
  };

  test('is asked by a legacy server during the call', async () => {
    const { by, questions } = legacy(() => ACCOUNT);
    const answer = await path.call(one, 'old_test_elicitation', { message: 'Who?' }, by);
    expect(textOf(answer)).toContain('"username":"ann"');
    expect(questions).toMatchObject([{ method: 'elicitation/create' }]);
  });

  test('is asked for a modern server by the gateway, and each round is a recorded call', async () => {
    const { by, questions } = legacy(({ params }) =>
      String(params['message']).includes('color')
        ? { action: 'accept', content: { color: 'red' } }
        : NAME,
    );
    const name = 'new_test_input_required_result_multi_round';
    const count = async () => (await path.records()).filter(({ tool }) => tool === name).length;
    const before = await count();
    expect(textOf(await path.call(one, name, {}, by))).toBe('Ann likes red');
    expect(questions).toHaveLength(2);
    expect(await count()).toBe(before + 3);
  });

  test('a URL has the id that its revision wants', async () => {
    const { by, questions } = legacy(() => MESSAGE);
    await path.call(one, 'new_test_elicitation_url', {}, by);
    expect(questions[0]!.params).toMatchObject({
      mode: 'url',
      elicitationId: expect.any(String) as string,
    });
  });

  test('that answers with an error ends the call with a sentence', async () => {
    const { by } = legacy(() => 'error');
    const answer = await path.call(one, 'new_test_elicitation', { message: 'Who?' }, by);
    expect(textOf(answer)).toBe(
      'new asks for input, and this client answers: The person is asleep.',
    );
    expect(resultOf(answer)._meta['conducktor/code']).toBe('input_not_given');
  });

  test('a server that goes on asking is given up after ten rounds', async () => {
    const { by, questions } = legacy(() => ({ action: 'accept', content: {} }));
    const name = 'new_test_input_required_result_elicitation';
    const answer = await path.call(one, name, {}, by);
    expect(resultOf(answer)._meta['conducktor/code']).toBe('input_not_given');
    expect(questions).toHaveLength(9);
  });

  test('that cannot be asked is not waited for', async () => {
    const by = { era: 'legacy' as const, capabilities: ALL };
    const old = await path.call(one, 'old_test_elicitation', { message: 'Who?' }, by);
    expect(resultOf(old)['isError']).toBe(true);
    const current = await path.call(one, 'new_test_elicitation', { message: 'Who?' }, by);
    expect(current).toMatchObject({ kind: 'error', error: { code: -32_021 } });
  });

  test('gets a URL elicitation error as it is', async () => {
    const { by } = legacy(() => MESSAGE);
    expect(await path.call(one, 'linked_closed', {}, by)).toMatchObject({
      kind: 'error',
      error: { code: -32_042, data: { elicitations: [{ elicitationId: 'e1' }] } },
    });
  });

  test('an idempotency key keeps the last answer of all rounds', async () => {
    const { by, questions } = legacy(() => NAME);
    const name = 'new_test_input_required_result_elicitation';
    const key = { ...by, idempotencyKey: 'rounds-2' };
    const answers = [await path.call(one, name, {}, key), await path.call(two, name, {}, key)];
    expect(answers.map(textOf)).toEqual(['Hello, Ann!', 'Hello, Ann!']);
    expect(questions).toHaveLength(1);
  });

  test('an idempotency key is free again when nobody answered', async () => {
    const name = 'new_test_input_required_result_elicitation';
    const silent = { ...legacy(() => 'error').by, idempotencyKey: 'rounds-3' };
    expect(resultOf(await path.call(one, name, {}, silent))).toMatchObject({
      isError: true,
      _meta: { 'conducktor/code': 'input_not_given' },
    });
    const answering = { ...legacy(() => NAME).by, idempotencyKey: 'rounds-3' };
    expect(textOf(await path.call(two, name, {}, answering))).toBe('Hello, Ann!');
  });
});

describe('log messages', () => {
  const logged = async (by: Fields, name = 'old_test_tool_with_logging') => {
    const notes: string[] = [];
    await path.call(one, name, {}, { ...by, onNotification: ({ method }) => notes.push(method) });
    return notes;
  };

  test.each(['old', 'new'])('reach who wants them (%s server)', async (slug) => {
    const name = `${slug}_test_tool_with_logging`;
    expect(await logged({ era: 'legacy', logLevel: 'debug' }, name)).toHaveLength(3);
    expect(await logged({ era: 'modern', logLevel: 'info' }, name)).toHaveLength(3);
  });

  test('and nobody else', async () => {
    expect(await logged({ era: 'modern', logLevel: 'error' })).toEqual([]);
    expect(await logged({ era: 'modern' })).toEqual([]);
  });
});
