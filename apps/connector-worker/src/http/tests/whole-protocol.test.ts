import type { CallMethod, CallRequest } from '@conducktor/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import {
  type LegacySdkServer,
  type ModernSdkServer,
  startLegacySdkServer,
  startModernSdkServer,
} from './sdk-servers.js';

const CAN_BE_ASKED = { elicitation: { form: {} } } satisfies CallRequest['capabilities'];

let test: TestWorker;
let legacy: LegacySdkServer;
let modern: ModernSdkServer;
let ids: { legacy: string; modern: string };
beforeAll(async () => {
  [test, legacy, modern] = await Promise.all([
    startTestWorker(),
    startLegacySdkServer(),
    startModernSdkServer(),
  ]);
  ids = {
    legacy: await test.connect({
      url: legacy.url,
      headers: { authorization: 'Bearer hidden-key-123456' },
    }),
    modern: await test.connect({ url: modern.url }),
  };
});
afterAll(async () => {
  await test.stop();
  await Promise.all([legacy.close(), modern.close()]);
});

const ask = async (
  era: 'legacy' | 'modern',
  method: CallMethod,
  name: string,
  args: unknown,
): Promise<Record<string, unknown>> => {
  const result = await test.call(ids[era], name, args, { method });
  expect(result).toMatchObject({ outcome: 'ok' });
  return JSON.parse(result.resultJson!) as Record<string, unknown>;
};
const textOf = (json: string | undefined): string =>
  (JSON.parse(json!) as { content: { text: string }[] }).content[0]!.text;

describe.each(['legacy', 'modern'] as const)('a %s server', (era) => {
  it('lists and reads resources, lists templates, lists and gets prompts', async () => {
    expect(await ask(era, 'resources/list', '', {})).toMatchObject({
      resources: [{ uri: 'note://a' }],
    });
    expect(await ask(era, 'resources/read', 'note://a', { uri: 'note://a' })).toMatchObject({
      contents: [{ uri: 'note://a', text: expect.stringContaining('note') }],
    });
    expect(await ask(era, 'resources/templates/list', '', {})).toMatchObject({
      resourceTemplates: [],
    });
    expect(await ask(era, 'prompts/list', '', {})).toMatchObject({
      prompts: [{ name: 'greeting' }],
    });
    expect(await ask(era, 'prompts/get', 'greeting', {})).toMatchObject({
      messages: [{ content: { text: 'Hello' } }],
    });
  });

  it('says who it is when its tools are refreshed', async () => {
    const { server } = await test.client.refresh({
      tenantId: test.tenantId,
      connectionId: ids[era],
    });
    expect(server).toMatchObject({
      protocolVersion: era === 'legacy' ? '2025-11-25' : '2026-07-28',
      capabilities: { resources: { subscribe: true } },
      serverInfo: { name: era },
      instructions: era === 'legacy' ? 'Be kind.' : 'Be brief.',
    });
  });

  it('logs from the level on that the client wants', async () => {
    const notes: unknown[] = [];
    const log = (level: string) =>
      test.call(
        ids[era],
        'log',
        {},
        { logLevel: level, onNotification: (note) => notes.push(note.params['level']) },
      );
    expect((await log('debug')).outcome).toBe('ok');
    expect(notes.splice(0)).toEqual(['debug', 'error']);
    expect((await log('warning')).outcome).toBe('ok');
    expect(notes).toEqual(['error']);
  });
});

describe('what a client can be asked', () => {
  it('is all that a legacy server is told of, each set in a session of its own', async () => {
    const told = async (capabilities?: CallRequest['capabilities']) =>
      JSON.parse(
        textOf((await test.call(ids.legacy, 'capabilities', {}, { capabilities })).resultJson),
      );
    expect(await told()).toEqual({});
    expect(await told(CAN_BE_ASKED)).toEqual({ elicitation: { form: {} } });
    expect(await told({ sampling: { tools: {} }, roots: { listChanged: true } })).toEqual({
      sampling: { tools: {} },
      roots: {},
    });
    expect(await told({})).toEqual({});
  });

  it('is asked by a legacy server during a call, and its reply goes back', async () => {
    for (const tool of ['ask', 'ask-aside']) {
      const asks: unknown[] = [];
      const result = await test.call(
        ids.legacy,
        tool,
        {},
        {
          capabilities: CAN_BE_ASKED,
          onAsk: (given, reply) => {
            asks.push(given);
            reply({ askId: given.askId, result: { action: 'accept', content: { name: 'Ada' } } });
          },
        },
      );
      expect(JSON.parse(textOf(result.resultJson))).toEqual({
        action: 'accept',
        content: { name: 'Ada' },
      });
      expect(asks).toMatchObject([
        { method: 'elicitation/create', params: { message: 'What is your name?' } },
      ]);
    }
  });

  it('an error of the client is one for the server, too', async () => {
    const result = await test.call(
      ids.legacy,
      'ask',
      {},
      {
        capabilities: CAN_BE_ASKED,
        onAsk: ({ askId }, reply) =>
          reply({ askId, error: { code: -32099, message: 'no thanks' } }),
      },
    );
    expect(result).toMatchObject({ outcome: 'error' });
    expect(result.resultJson).toContain('no thanks');
  });

  it('a modern server asks by its result, and is answered in the next round', async () => {
    const first = await test.call(ids.modern, 'ask', {}, { capabilities: CAN_BE_ASKED });
    expect(first.outcome).toBe('ok');
    expect(JSON.parse(first.resultJson!)).toMatchObject({
      resultType: 'input_required',
      requestState: 'round-1',
      inputRequests: { name: { method: 'elicitation/create' } },
    });
    const reply = { action: 'accept', content: { name: 'Ada' } };
    const second = await test.call(
      ids.modern,
      'ask',
      {},
      {
        capabilities: CAN_BE_ASKED,
        input: { requestState: 'round-1', inputResponses: { name: reply } },
      },
    );
    expect(JSON.parse(textOf(second.resultJson))).toEqual({ name: reply, state: 'round-1' });
  });

  it('a modern server that asks what cannot be asked is an error', async () => {
    expect(await test.call(ids.modern, 'ask')).toMatchObject({ outcome: 'error' });
    expect(
      await test.call(ids.modern, 'ask', {}, { capabilities: { elicitation: { url: {} } } }),
    ).toMatchObject({ outcome: 'error' });
  });
});

it('log messages come without the key of the connection', async () => {
  const notes: unknown[] = [];
  await test.call(ids.legacy, 'log', {}, { onNotification: (note) => notes.push(note.params) });
  expect(notes).toMatchObject([
    { data: 'debug with [redacted]' },
    { data: 'error with [redacted]' },
  ]);
});

it('completes an argument (legacy)', async () => {
  expect(
    await ask('legacy', 'completion/complete', '', {
      argument: { name: 'who', value: 'A' },
      ref: { name: 'greeting', type: 'ref/prompt' },
    }),
  ).toMatchObject({ completion: { values: ['A!'] } });
});

it('a URI that no header can carry reaches a modern server in one', async () => {
  const uri = 'note://überall';
  await test.call(ids.modern, uri, { uri }, { method: 'resources/read' });
  expect(modern.headers.at(-1)!['mcp-name']).toMatch(/^=\?base64\?.*\?=$/);
});
