import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientCapabilities, UpstreamEvent } from '@conducktor/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { type SdkSseServer, startSdkSseServer } from './sdk-sse-server.js';

let test: TestWorker;
let server: SdkSseServer;
let id: string;

beforeAll(async () => {
  test = await startTestWorker();
});
beforeEach(async () => {
  server = await startSdkSseServer();
  id = await test.connect({ kind: 'mcp-sse', url: server.url });
});
afterEach(() => server.close());
afterAll(() => test.stop());

const textOf = (result: { resultJson?: string }) =>
  JSON.parse(result.resultJson!).content[0].text as string;
const form: ClientCapabilities = { elicitation: { form: {} } };

describe('a server over HTTP with SSE asks the client of a call', () => {
  it('by elicitation, and gets the answer', async () => {
    const asked: string[] = [];
    const result = await test.client.call(test.request(id, 'ask', {}, { capabilities: form }), {
      onAsk: ({ askId, method, params }, reply) => {
        asked.push(`${method}: ${String(params['message'])}`);
        reply({ askId, result: { action: 'accept', content: { size: 'large' } } });
      },
    });
    expect(textOf(result)).toBe('accept large');
    expect(asked).toEqual(['elicitation/create: Which size?']);
  });

  it('by sampling, and gets the answer', async () => {
    const request = test.request(id, 'think', {}, { capabilities: { sampling: {} } });
    const result = await test.client.call(request, {
      onAsk: ({ askId }, reply) =>
        reply({
          askId,
          result: { role: 'assistant', model: 'm', content: { type: 'text', text: 'Thought.' } },
        }),
    });
    expect(textOf(result)).toBe('Thought.');
  });

  it('in a session of its own for each set of what clients can be asked', async () => {
    const session = async (capabilities?: ClientCapabilities) =>
      textOf(await test.call(id, 'session', {}, capabilities ? { capabilities } : {}));
    const plain = await session();
    const asking = await session(form);
    expect(asking).not.toBe(plain);
    expect(await session()).toBe(plain);
    expect(await session(form)).toBe(asking);
  });

  it('and is told that a client cannot be asked', async () => {
    const result = await test.call(id, 'ask');
    expect(result).toMatchObject({ outcome: 'error' });
    expect(textOf(result)).toContain('elicitation');
  });
});

describe('a server over HTTP with SSE', () => {
  it('logs to the call at the level that it wants', async () => {
    const notes: unknown[] = [];
    const request = test.request(id, 'log', {}, { logLevel: 'warning' });
    await test.client.call(request, { onNotification: (note) => notes.push(note.params['data']) });
    expect(notes).toEqual(['loud']);
  });

  it('is read, prompted and completed like any other', async () => {
    const read = await test.call(id, 'note://1', { uri: 'note://1' }, { method: 'resources/read' });
    expect(JSON.parse(read.resultJson!).contents[0].text).toBe('one');
    const prompt = await test.call(id, 'greet', { name: 'Ada' }, { method: 'prompts/get' });
    expect(JSON.parse(prompt.resultJson!).messages[0].content.text).toBe('Greet Ada.');
    const list = await test.call(id, '', {}, { method: 'resources/list' });
    expect(JSON.parse(list.resultJson!).resources).toHaveLength(1);
  });
});

describe('a watch of a server over HTTP with SSE', () => {
  const watch = async (uris: string[], lists = false, memberId = 'mem_a') => {
    const events: UpstreamEvent[] = [];
    const watching = await test.client.watch(
      {
        tenantId: test.tenantId,
        memberId,
        connectionId: id,
        revision: 1,
        lists,
        uris,
        timeoutMs: 5_000,
      },
      { onEvent: (event) => events.push(event), onClosed: () => {} },
    );
    return { watching, events };
  };
  const updated = { kind: 'resource-updated', uri: 'note://1', params: { uri: 'note://1' } };

  it('hears of what it subscribed to, until it ends', async () => {
    const { watching, events } = await watch(['note://1']);
    expect(watching.ok).toBe(true);
    expect(server.subscribed).toEqual(['note://1']);
    await server.each((each) => each.server.sendResourceUpdated({ uri: 'note://1' }));
    await expect.poll(() => events).toEqual([updated]);
    watching.close();
    await expect.poll(() => server.subscribed).toEqual([]);
  });

  it('is refused in the words of the server', async () => {
    const { watching } = await watch(['note://secret']);
    expect(watching).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('Nobody may subscribe') },
    });
  });

  it('hears of lists', async () => {
    const { watching, events } = await watch([], true);
    await server.each((each) => each.sendPromptListChanged());
    await expect.poll(() => events).toContainEqual({ kind: 'list-changed', list: 'prompts' });
    watching.close();
  });

  it('subscribes again when the stream was lost, and says that something may be missing', async () => {
    const { watching, events } = await watch(['note://1']);
    server.subscribed.length = 0;
    await server.dropStreams();
    await expect.poll(() => events, { timeout: 30_000 }).toContainEqual({ kind: 'gap' });
    expect(server.subscribed).toEqual(['note://1']);
    await sleep(250);
    await server.each((each) => each.server.sendResourceUpdated({ uri: 'note://1' }));
    await expect.poll(() => events).toContainEqual(updated);
    watching.close();
  });
});
