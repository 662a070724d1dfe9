import { parsePolicy } from '@conducktor/policy';
import { expect, test } from 'vitest';
import { answerLength } from '../http-framing.mjs';
import { benchPolicy } from '../private-stack.mjs';
import { median, percentile } from '../stats.mjs';

test('knows where an HTTP answer ends', () => {
  const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
  expect(answerLength(Buffer.from(`${whole}HTTP/1.1 200`))).toBe(whole.length);
  expect(answerLength(Buffer.from('HTTP/1.1 200 OK\r\nContent-'))).toBe(0);
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
  expect(answerLength(Buffer.from(chunked))).toBe(chunked.length);
  expect(answerLength(Buffer.from(chunked.slice(0, -3)))).toBe(0);
});

test('percentiles and medians are of the list, not beside it', () => {
  expect(percentile([1, 2, 3, 4], 0.5)).toBe(3);
  expect(percentile([1, 2, 3, 4], 0.99)).toBe(4);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});

test('the policy of the measurement is one that the product accepts', () => {
  expect(parsePolicy(benchPolicy()).rules.length).toBeGreaterThanOrEqual(10);
});
