// What a gateway's ticks run on: answers that count, answers that do not, and values as they were given.
import { createTestDatabase, type TestDatabase } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { BoundCall } from '../bound-call.js';
import { openEpochSession, type EpochSession } from '../epoch-session.js';

let database: TestDatabase;
let session: EpochSession | undefined;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await session?.end();
});
afterAll(() => database.drop());

/** A session whose one statement is this. */
async function open(sql: string): Promise<EpochSession> {
  const url = database.urlFor('conducktor_gateway');
  session = await openEpochSession(url, 'test', () => {}, { one: sql });
  return session;
}
const withText = (text: string) => (call: BoundCall) => call.begin('one', 1).text(text).end();
const withNumber = (value: number) => (call: BoundCall) => call.begin('one', 1).int8(value).end();

test('text comes back as it was sent, however it is written and however long it is', async () => {
  const { execute } = await open('select $1::text');
  for (const text of ['', `'"\\{},NULL;--`, 'né 工具 🦆', 'ü'.repeat(200_000)])
    expect(await execute(withText(text))).toBe(text);
});

test('integers come back to the last digit, and what is none is not sent as another', async () => {
  const { execute } = await open('select $1::int8');
  for (const value of [0, -1, 2 ** 32, -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, -(2 ** 53) + 1])
    expect(await execute(withNumber(value))).toBe(String(value));
  for (const value of [NaN, Infinity, 0.5, 2 ** 53])
    await expect(execute(withNumber(value))).rejects.toThrow(RangeError);
  expect(session!.lost).toBe(false);
});

test('an error of the server ends one execution and not the session', async () => {
  const { execute } = await open('select $1::text');
  await expect(execute(withText('\u0000'))).rejects.toMatchObject({ code: '22021' });
  expect(await execute(withText('next'))).toBe('next');
  expect(session!.lost).toBe(false);
});

test('null is an answer; no row is none, and leaves in doubt what was done', async () => {
  expect(await (await open('select nullif($1, 0::int8)')).execute(withNumber(0))).toBeNull();
  await session!.end();
  const { execute } = await open('select 1 where $1 = 0::int8');
  await expect(execute(withNumber(1))).rejects.toThrow('without a row');
  expect(session!.lost).toBe(true);
});

test('an answer that was read after its time counts as none: the process had stood still', async () => {
  const { execute } = await open('select $1::int8');
  const now = performance.now.bind(performance);
  const answer = execute(withNumber(1));
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 11_000);
  await expect(answer).rejects.toThrow('stood still');
  expect(session!.lost).toBe(true);
});
