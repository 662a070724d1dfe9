import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { createFixtures, textOf } from './fixture.js';

const { fixture, remove } = createFixtures();
/** Answers every call but the one that is named after the server. */
const server = (name: string, misbehaviour: string) => ({
  [name]: fixture(
    name,
    `if (!method) return; if (params.name === '${name}') { ${misbehaviour} } else text(id, 'fine');`,
  ),
});
const DEEP = `'['.repeat(200000) + ']'.repeat(200000)`;

let test: TestWorker;
beforeAll(async () => {
  test = await startTestWorker({
    MAX_CONCURRENT_SERVERS: 40,
    catalogue: {
      ...server(
        'line',
        `const x = Buffer.alloc(65536, 120); const pour = () => { while (process.stdout.write(x)); process.stdout.once('drain', pour); }; pour();`,
      ),
      ...server(
        'large',
        `const note = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'x'.repeat(1000000) } }) + '\\n'; const pour = () => { while (process.stdout.write(note)); process.stdout.once('drain', pour); }; pour();`,
      ),
      ...server(
        'complains',
        `const x = Buffer.alloc(65536, 10); const pour = () => { while (process.stderr.write(x)); setImmediate(pour); }; pour();`,
      ),
      ...server('deaf', `process.stdin.pause(); process.stdin.removeAllListeners('data');`),
      ...server('mute', `process.stdout.end(); setInterval(() => {}, 1000);`),
      ...server(
        'deep',
        `process.stdout.write('{"jsonrpc":"2.0","id":' + id + ',"result":{"content":' + ${DEEP} + '}}\\n');`,
      ),
      ...server(
        'binary',
        `process.stdout.write(Buffer.alloc(100000, 0xff)); process.stdout.write('\\n\\0\\n\\r\\n\\x1b[2J banner\\n'); setTimeout(() => text(id, 'after'), 30);`,
      ),
      ...server(
        'asks',
        `for (let n = 0; n < 1000; n++) send({ id: 'a' + n, method: 'sampling/createMessage', params: {} }); text(id, 'after');`,
      ),
      ...server(
        'storm',
        `for (let n = 0; n < 15000; n++) send({ method: 'notifications/tools/list_changed' }); text(id, 'after');`,
      ),
    },
  });
});
afterAll(async () => {
  await test.stop();
  remove();
});

/** Processor time of this process, the worker in it, over a second; its server is another process. */
async function busyMs(): Promise<number> {
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** The connection's id, once its server has answered. */
async function running(catalog: string): Promise<string> {
  const id = await test.connect({ catalog });
  expect((await test.call(id, 'x')).outcome).toBe('ok');
  return id;
}

describe('a server that', () => {
  it('writes a line without end is ended, with the reason', async () => {
    const id = await test.connect({ catalog: 'line' });
    expect(await test.call(id, 'line')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('a line that does not end'),
    });
    expect(textOf((await test.call(id, 'x')).resultJson)).toBe('fine');
  });

  it('writes large messages without end is ended, with the reason', async () => {
    const id = await test.connect({ catalog: 'large' });
    expect(await test.call(id, 'large')).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('flooded its output'),
    });
    expect(textOf((await test.call(id, 'x')).resultJson)).toBe('fine');
  });

  it('floods its log waits, and does not keep the worker busy', async () => {
    const id = await running('complains');
    expect((await test.call(id, 'complains', {}, { timeoutMs: 300 })).outcome).toBe('timeout');
    expect(await busyMs()).toBeLessThan(150);
  });

  it('does not read its input: what was sent to it is unknown, and another one takes its place', async () => {
    const id = await running('deaf');
    expect((await test.call(id, 'deaf', {}, { timeoutMs: 300 })).outcome).toBe('timeout');
    // More than is kept for a server that does not read.
    const large = { text: 'x'.repeat(1_500_000) };
    const calls = Array.from({ length: 15 }, () => test.call(id, 'x', large, { timeoutMs: 1_000 }));
    expect((await Promise.all(calls)).map(({ outcome }) => outcome)).toContain('unknown');
    await expect
      .poll(async () => (await test.call(id, 'x')).outcome, { timeout: 30_000 })
      .toBe('ok');
  });

  it('answers no more: timeout', async () => {
    const id = await running('mute');
    expect((await test.call(id, 'mute', {}, { timeoutMs: 300 })).outcome).toBe('timeout');
  });

  it('answers with what is nested without end: discarded', async () => {
    const id = await test.connect({ catalog: 'deep' });
    expect(await test.call(id, 'deep')).toMatchObject({
      outcome: 'error',
      error: { message: expect.stringContaining('nested too deeply') },
    });
  });

  it.each(['binary', 'asks', 'storm'])(
    'writes rubbish (%s) before its answer: ignored',
    async (name) => {
      const id = await test.connect({ catalog: name });
      expect(textOf((await test.call(id, name)).resultJson)).toBe('after');
      expect(textOf((await test.call(id, 'x')).resultJson)).toBe('fine');
    },
  );
});
