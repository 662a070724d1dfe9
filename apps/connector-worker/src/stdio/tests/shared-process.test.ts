import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import type { CallRequest, UpstreamEvent } from '@conducktor/contracts';
import type { CallOptions } from '@conducktor/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { createFixtures, textOf } from './fixture.js';

const { dir, fixture, remove } = createFixtures();
const CAN_BE_ASKED = { elicitation: { form: {} } };

/** Asks, logs, hangs and dies as its tools are called; what it was told is in `init`. */
const TALKER = `
  const { name } = params ?? {};
  globalThis.init ??= 'nothing';
  if (method === undefined) return text(globalThis.asking, JSON.stringify(request.result ?? request.error));
  if (method === 'resources/subscribe') {
    send({ id, result: {} });
    return send({ method: 'notifications/resources/updated', params: { uri: params.uri } });
  }
  if (method !== 'tools/call' || name === 'hang') return;
  if (name === 'die') return process.exit(0);
  if (name === 'log') send({ method: 'notifications/message', params: { level: 'info', data: 'a line' } });
  if (name === 'grow') send({ method: 'notifications/prompts/list_changed' });
  if (name !== 'ask') return text(id, name);
  globalThis.asking = id;
  send({ id: 'q' + id, method: 'elicitation/create', params: { message: 'Who?', requestedSchema: { type: 'object', properties: {} } } });
`;

let test: TestWorker;
let id: string;
beforeAll(async () => {
  const sdk = import.meta.resolve('@modelcontextprotocol/server');
  const stdio = import.meta.resolve('@modelcontextprotocol/server/stdio');
  writeFileSync(
    join(dir, 'modern.mjs'),
    `import { McpServer } from ${JSON.stringify(sdk)};
     import { serveStdio } from ${JSON.stringify(stdio)};
     serveStdio(() => {
       const server = new McpServer({ name: 'modern', version: '1' }, { capabilities: { resources: { subscribe: true }, tools: { listChanged: true } } });
       server.registerTool('touch', {}, async () => {
         await server.server.sendResourceUpdated({ uri: 'note://a' });
         return { content: [{ type: 'text', text: 'touched' }] };
       });
       server.registerResource('a', 'note://a', {}, async (uri) => ({ contents: [{ uri: uri.href, text: 'note' }] }));
       return server;
     }, { legacy: 'reject' });`,
  );
  test = await startTestWorker({
    catalogue: {
      talker: fixture('talker', TALKER),
      modern: {
        command: 'node',
        args: [join(dir, 'modern.mjs')],
        readOnlyPaths: [
          sdk.slice(0, sdk.indexOf('/@modelcontextprotocol')).slice('file://'.length),
        ],
      },
    },
  });
});
// Each test has a process of its own.
beforeEach(async () => {
  id = await test.connect({ catalog: 'talker' });
});
afterAll(async () => {
  await test.stop();
  remove();
});

const asAna = (name: string, more: Partial<CallRequest> & CallOptions = {}) =>
  test.call(id, name, {}, { memberId: 'mem_ana', capabilities: CAN_BE_ASKED, ...more });
const asBen = (name: string, more: Partial<CallRequest> & CallOptions = {}) =>
  test.call(id, name, {}, { memberId: 'mem_ben', ...more });

/** Whom a question of Ana's call reached, and what the server got for it. */
async function whatAnaIsAsked(): Promise<{ asked: string[]; answer: string }> {
  const asked: string[] = [];
  const { resultJson } = await asAna('ask', {
    onAsk: ({ askId, method }, reply) => {
      asked.push(method);
      reply({ askId, result: { action: 'accept' } });
    },
  });
  return { asked, answer: textOf(resultJson) };
}

describe('a question of a process that serves several people', () => {
  it('reaches the only one who is calling', async () => {
    expect(await whatAnaIsAsked()).toEqual({
      asked: ['elicitation/create'],
      answer: '{"action":"accept"}',
    });
    expect((await asBen('plain')).outcome).toBe('ok');
    expect((await whatAnaIsAsked()).asked).toHaveLength(1);
  });

  it('reaches nobody while somebody else is calling, whatever his client can do', async () => {
    await asAna('plain');
    const hanging = asBen('hang', { timeoutMs: 1_500 });
    const { asked, answer } = await whatAnaIsAsked();
    expect(asked).toEqual([]);
    expect(answer).toContain('-32601');
    expect((await hanging).outcome).toBe('timeout');
  });

  it('reaches nobody while a call that somebody else gave up may still be at work', async () => {
    expect((await asBen('hang', { timeoutMs: 300 })).outcome).toMatch(/timeout|unavailable/);
    expect((await asBen('hang', { timeoutMs: 300 })).outcome).toBe('timeout');
    expect((await whatAnaIsAsked()).asked).toEqual([]);
  });

  it('reaches the one of her calls that can be asked, and none if there are two', async () => {
    await asAna('plain');
    const deaf = asAna('hang', { timeoutMs: 1_000, capabilities: {} });
    expect((await whatAnaIsAsked()).asked).toHaveLength(1);
    await deaf;
    const able = asAna('hang', { timeoutMs: 1_000 });
    expect((await whatAnaIsAsked()).asked).toEqual([]);
    await able;
  });

  it('is refused as unknown when her client cannot be asked', async () => {
    expect(textOf((await asBen('ask')).resultJson)).toContain('-32601');
  });
});

it('log messages are handed on until a second person has used the process', async () => {
  const lines: unknown[] = [];
  const onNotification: CallOptions['onNotification'] = (note) => lines.push(note.params['data']);
  await asAna('log', { onNotification });
  expect(lines.splice(0)).toEqual(['a line']);
  await asBen('plain');
  await asAna('log', { onNotification });
  expect(lines).toEqual([]);
});

describe('watching a process', () => {
  const watch = async (
    connectionId: string,
    memberId: string,
    uris: string[],
    lists = false,
  ): Promise<{ events: UpstreamEvent[]; close(): void; ok: boolean }> => {
    const events: UpstreamEvent[] = [];
    const watching = await test.client.watch(
      {
        tenantId: test.tenantId,
        memberId,
        connectionId,
        revision: 1,
        lists,
        uris,
        timeoutMs: 9_000,
      },
      { onEvent: (event) => events.push(event), onClosed: () => {} },
    );
    return { events, close: watching.close, ok: watching.ok };
  };

  it('brings updates and list changes, and a gap after it was started again', async () => {
    const one = await watch(id, 'mem_ana', ['note://a'], true);
    expect(one.ok).toBe(true);
    await expect.poll(() => one.events.splice(0)).toMatchObject([{ uri: 'note://a' }]);
    await asBen('grow');
    await expect
      .poll(() => one.events.splice(0))
      .toEqual([{ kind: 'list-changed', list: 'prompts' }]);
    await asBen('die');
    await expect.poll(() => one.events, { timeout: 30_000 }).toContainEqual({ kind: 'gap' });
    await expect
      .poll(() => one.events)
      .toContainEqual(expect.objectContaining({ uri: 'note://a' }));
    one.close();
  });

  it('of 2026-07-28 brings what it acknowledged, and nothing after it was left', async () => {
    const modern = await test.connect({ catalog: 'modern' });
    const one = await watch(modern, 'mem_ana', ['note://a']);
    const two = await watch(modern, 'mem_ben', ['note://a']);
    expect(one.ok && two.ok).toBe(true);
    const touch = () => test.call(modern, 'touch');
    expect((await touch()).outcome).toBe('ok');
    await expect.poll(() => one.events).toMatchObject([{ uri: 'note://a' }]);
    await expect.poll(() => two.events).toMatchObject([{ uri: 'note://a' }]);
    one.close();
    await touch();
    await expect.poll(() => two.events.length).toBe(2);
    expect(one.events).toHaveLength(1);
    two.close();
  });

  it('says who it is', async () => {
    const modern = await test.connect({ catalog: 'modern' });
    const refresh = (connectionId: string) =>
      test.client.refresh({ tenantId: test.tenantId, connectionId });
    expect((await refresh(modern)).server).toMatchObject({
      protocolVersion: '2026-07-28',
      capabilities: { resources: { subscribe: true } },
    });
  });
});
