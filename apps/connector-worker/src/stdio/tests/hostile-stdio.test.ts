import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { createFixtures, textOf } from './fixture.js';

const { fixture, remove } = createFixtures();
/** Answers every call but the one that is named after the server. */
const server = (name: string, misbehaviour: string) => ({
  [name]: fixture(name, `if (params.name === '${name}') { ${misbehaviour} } else text(id, 'fine');`),
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
        'complains',
        `const x = Buffer.alloc(65536, 10); const pour = () => { while (process.stderr.write(x)); setImmediate(pour); }; setTimeout(() => text(id, 'done'), 1500); pour();`,
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
        `for (let n = 0; n < 15000; n++) send({ id: 'a' + n, method: 'sampling/createMessage', params: {} }); text(id, 'after');`,
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

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

describe('a server that', () => {
  it.each(['line', 'complains'])('writes without end (%s) does not keep the worker busy', async (name) => {
    const id = await test.connect({ catalog: name });
    const result = await test.call(id, name, {}, { timeoutMs: 2_000 });
    console.log(name, JSON.stringify(result).slice(0,200));
    const before = cpuMs();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const spent = cpuMs() - before;
    console.log(name, spent);
    expect(spent).toBeLessThan(300);
    expect(textOf((await test.call(id, 'x')).resultJson)).toBe('fine');
  });

  it('does not read its input: later calls are not sent, and memory is not filled', async () => {
    const id = await test.connect({ catalog: 'deaf' });
    expect((await test.call(id, 'deaf', {}, { timeoutMs: 300 })).outcome).toBe('timeout');
    const large = { text: 'x'.repeat(1_500_000) };
    const calls = Array.from({ length: 40 }, () => test.call(id, 'x', large, { timeoutMs: 2_000 }));
    const outcomes = (await Promise.all(calls)).map(({ outcome }) => outcome);
    console.log(outcomes.join(' '));
    expect(new Set(outcomes)).not.toContain('ok');
  });

  it('closes its output and lives on', async () => {
    const id = await test.connect({ catalog: 'mute' });
    console.log(await test.call(id, 'mute', {}, { timeoutMs: 1_000 }));
    console.log(await test.call(id, 'x', {}, { timeoutMs: 1_000 }));
  });

  it('answers with what is nested without end: discarded', async () => {
    const id = await test.connect({ catalog: 'deep' });
    expect(await test.call(id, 'deep')).toMatchObject({
      outcome: 'error',
      error: { message: expect.stringContaining('nested too deeply') },
    });
  });

  it.each(['binary', 'asks', 'storm'])('writes rubbish (%s) before its answer: ignored', async (name) => {
    const id = await test.connect({ catalog: name });
    expect(textOf((await test.call(id, name)).resultJson)).toBe('after');
    expect(textOf((await test.call(id, 'x')).resultJson)).toBe('fine');
  });
});
