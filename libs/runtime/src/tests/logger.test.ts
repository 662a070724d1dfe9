import { expect, test } from 'vitest';
import { createLogger } from '../logger.js';

const logging = (level?: string) => {
  const lines: string[] = [];
  const logger = createLogger('test', level ?? 'debug', { write: (line) => void lines.push(line) });
  return { lines, logger };
};
const CANARY = 'c4n4ryDoNotShow';

test('a line is JSON with its level in words, its service and the ids of its trace', () => {
  const { lines, logger } = logging();
  logger.warn({ trace_id: 'abc', span_id: 'def', callId: 'call_1' }, 'It was slow');
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: 'warn',
    service: 'test',
    msg: 'It was slow',
    trace_id: 'abc',
    callId: 'call_1',
  });
});

test('nothing below the level is written', () => {
  const { lines, logger } = logging('warn');
  logger.info('no');
  logger.error('yes');
  expect(lines).toHaveLength(1);
});

test.each([
  ['a field', { password: CANARY }],
  ['a field of a field', { request: { headers: { authorization: `Bearer ${CANARY}` } } }],
  ['a cookie', { response: { 'set-cookie': CANARY } }],
  ['a header in words', { why: `sent Authorization: Bearer ${CANARY}` }],
  ['basic credentials', { why: `Basic ${CANARY}==` }],
  ['a signed token', { seen: `eyJhbGciOiJFZERTQSJ9.${CANARY}.${CANARY}` }],
  ['an encrypted token', { seen: `token_eyJlbmMiOiJBMjU2R0NNIn0..${CANARY}.${CANARY}.${CANARY}` }],
  ['an API key', { seen: `ck_8f3a_${CANARY}` }],
  ['an address of a database', { err: new Error(`connect postgres://app:${CANARY}@db/x`) }],
  ['a person in an address', { url: `https://${CANARY}@example.com/` }],
  ['a parameter', { url: `/oauth2/authorize?client_id=a&code=${CANARY}&x=1` }],
  ['the state of a sign-in', { url: `https://app/cb?state=${CANARY}` }],
  [
    'an error in an error',
    { err: new Error('x', { cause: new Error(`token=1&token=${CANARY}`) }) },
  ],
])('a secret in %s is not written', (_where, fields) => {
  const { lines, logger } = logging();
  logger.error(fields, `and in the message: https://x:${CANARY}@host/?token=${CANARY}`);
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain(CANARY);
  JSON.parse(lines[0]!);
});

test('a line that would slow a careless pattern is written at once', () => {
  const { lines, logger } = logging();
  const began = performance.now();
  for (const piece of ['a://', 'Bearer ', 'eyJaaaaaa.', 'eyJaaaaaa-', '?code', 'ck_a_', 'a+.-'])
    logger.error({ text: piece.repeat(20_000) }, 'long');
  expect(lines).toHaveLength(7);
  expect(performance.now() - began).toBeLessThan(2_000);
});
