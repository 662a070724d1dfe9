// A legacy server asks a modern client: its call is held, over two gateways and a worker.
import { Timeline } from '@conducktor/telemetry';
import { describe, expect, test } from 'vitest';
import {
  ACCOUNT,
  NAME,
  asked,
  modern,
  one,
  outcomeOf,
  path,
  resultOf,
  settled,
  textOf,
  two,
  type Fields,
  preparePath,
} from './support.js';

preparePath();

describe('a modern client and a legacy server', () => {
  test('the call is held; the retry on another gateway ends it; the first one settles', async () => {
    const first = asked(await path.call(one, 'old_test_elicitation', { message: 'Who?' }, modern));
    expect(first.requests['ask-1']).toMatchObject({
      method: 'elicitation/create',
      params: { message: 'Who?' },
    });
    expect(await outcomeOf(first.callId)).toBeUndefined();
    const before = (await path.records()).length;
    const answer = await path.call(
      two,
      'old_test_elicitation',
      { message: 'Who?' },
      { ...modern, ...first.with({ 'ask-1': ACCOUNT }) },
    );
    expect(textOf(answer)).toContain('action=accept');
    expect(resultOf(answer)._meta['conducktor/callId']).toBe(first.callId);
    await settled(first.callId, 'ok');
    expect((await path.records()).length).toBe(before);
  });

  test('the retry is decided, ends and is traced as the call that it takes up', async () => {
    const first = asked(await path.call(one, 'old_test_elicitation', { message: 'Who?' }, modern));
    const timeline = new Timeline();
    await path.call(
      two,
      'old_test_elicitation',
      { message: 'Who?' },
      { ...modern, timeline, ...first.with({ 'ask-1': ACCOUNT }) },
    );
    expect(timeline.steps.slice(-3)).toEqual(['decide', 'limit', 'dispatch']);
    expect(timeline.facts).toMatchObject({ end: 'ok', callId: first.callId });
  });

  test('several questions of one call, in one answer or one after the other', async () => {
    let answer = await path.call(one, 'old_test_input_required_result_multiple_inputs', {}, modern);
    const responses: Record<string, Fields> = {
      'elicitation/create': NAME,
      'sampling/createMessage': {
        role: 'assistant',
        model: 'm',
        content: { type: 'text', text: 'Hi' },
      },
      'roots/list': { roots: [{ uri: 'file:///r' }] },
    };
    const methods = new Set<string>();
    for (let round = 0; round < 3 && resultOf(answer)['resultType'] === 'input_required'; round++) {
      const questions = asked(answer);
      const given = Object.fromEntries(
        Object.entries(questions.requests).map(([key, { method }]) => {
          methods.add(method);
          return [key, responses[method]];
        }),
      );
      answer = await path.call(
        round % 2 ? one : two,
        'old_test_input_required_result_multiple_inputs',
        {},
        { ...modern, ...questions.with(given as Fields) },
      );
    }
    expect(textOf(answer)).toBe('Thank you, Ann');
    expect([...methods].toSorted()).toEqual(Object.keys(responses).toSorted());
  });

  test('a question that is not answered is asked again', async () => {
    const first = asked(await path.call(one, 'old_test_elicitation', { message: 'Who?' }, modern));
    const again = asked(
      await path.call(
        two,
        'old_test_elicitation',
        { message: 'Who?' },
        { ...modern, ...first.with({ other: ACCOUNT }) },
      ),
    );
    expect(again.requests).toEqual(first.requests);
    const answer = await path.call(
      one,
      'old_test_elicitation',
      { message: 'Who?' },
      { ...modern, ...again.with({ 'ask-1': { action: 'decline' } }) },
    );
    expect(textOf(answer)).toContain('action=decline');
  });

  test('its first connection may close: the call waits on, and is not cancelled', async () => {
    const gone = new AbortController();
    const args = { message: 'Who?' };
    const first = asked(
      await path.call(one, 'old_test_elicitation', args, { ...modern, signal: gone.signal }),
    );
    gone.abort();
    const answer = await path.call(two, 'old_test_elicitation', args, {
      ...modern,
      ...first.with({ 'ask-1': ACCOUNT }),
    });
    expect(textOf(answer)).toContain('action=accept');
  });

  test('whoever is refused meanwhile is told so, the server gets a no, and both are recorded', async () => {
    const args = { message: 'Who?' };
    const first = asked(await path.call(one, 'old_test_elicitation', args, modern));
    await path.activate({
      version: 1,
      default: 'allow',
      rules: [
        {
          id: 'stop',
          when: { tools: ['old_test_elicitation'] },
          effect: 'deny',
          message: 'Not now',
        },
      ],
    });
    const answer = await path.call(two, 'old_test_elicitation', args, {
      ...modern,
      ...first.with({ 'ask-1': ACCOUNT }),
    });
    expect(textOf(answer)).toBe('Permission denied: Not now');
    await settled(first.callId, 'ok');
    const denied = (await path.records()).filter(({ decision }) => decision === 'deny');
    expect(denied.at(-1)).toMatchObject({ tool: 'old_test_elicitation' });
  });

  test('a call with the same idempotency key waits for the held one, and gets its answer', async () => {
    const args = { message: 'Who?' };
    const key = { ...modern, idempotencyKey: 'held-1' };
    const first = asked(await path.call(one, 'old_test_elicitation', args, key));
    const attached = path.call(two, 'old_test_elicitation', args, key);
    const retry = { ...key, ...first.with({ 'ask-1': ACCOUNT }) };
    const answer = await path.call(two, 'old_test_elicitation', args, retry);
    expect(textOf(answer)).toContain('action=accept');
    expect(await attached).toEqual(answer);
  });

  test('a worker that dies takes the call along, and everybody is told', async () => {
    const args = { message: 'Who?' };
    const first = asked(await path.call(one, 'old_test_elicitation', args, modern));
    await path.killWorker();
    await path.startWorker();
    await settled(first.callId, 'unknown');
    const answer = await path.call(two, 'old_test_elicitation', args, {
      ...modern,
      ...first.with({ 'ask-1': ACCOUNT }),
    });
    expect(resultOf(answer)).toMatchObject({
      isError: true,
      _meta: { 'conducktor/code': 'outcome_unknown', 'conducktor/callId': first.callId },
    });
  });

  test('a URL is asked for without the id of the older revision', async () => {
    const first = asked(await path.call(one, 'old_test_elicitation_url', {}, modern));
    const { params } = first.requests['ask-1']!;
    expect(params).toMatchObject({ mode: 'url', url: expect.any(String) as string });
    expect(params).not.toHaveProperty('elicitationId');
    const answer = await path.call(
      two,
      'old_test_elicitation_url',
      {},
      { ...modern, ...first.with({ 'ask-1': { action: 'accept' } }) },
    );
    expect(textOf(answer)).toContain('action=accept');
  });
});
