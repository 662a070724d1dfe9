import { compilePolicy, decide, parsePolicy } from '@conducktor/policy';
import { expect, test } from 'vitest';
import { answerLength } from '../http-framing.mjs';
import { sumProfile } from '../profile-sums.mjs';
import { lineThrough, median, percentile } from '../stats.mjs';
import { benchPolicy, mixedPolicy, toolsOfConnections } from '../workload.mjs';

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

test('a line is fitted with its uncertainty', () => {
  const { slope, error, mean } = lineThrough([
    [0, 1],
    [1, 3],
    [2, 5],
    [3, 7],
  ]);
  expect({ slope, error, mean }).toEqual({ slope: 2, error: 0, mean: 4 });
  expect(
    lineThrough([
      [0, 0],
      [1, 2],
      [2, 0],
      [3, 2],
    ]).error,
  ).toBeGreaterThan(0.3);
});

test('the policy of the measurement is one that the product accepts, of as many rules as asked', () => {
  for (const count of [10, 50, 200])
    expect(parsePolicy(benchPolicy(count)).rules).toHaveLength(count);
});

test('rules of all kinds let the measured call through, however many they are', () => {
  const caller = {
    memberId: 'm',
    userId: 'u',
    email: 'a@example.com',
    groups: [],
    roles: ['member'],
    clientId: 'c',
    scopes: [],
  };
  const names = { name: 'bench_echo', upstreamName: 'echo', connection: 'bench' };
  const tool = { ...names, class: 'write' as const, labels: [] };
  const [few, some, many] = [10, 50, 200].map((count) => {
    const policy = compilePolicy(parsePolicy(mixedPolicy(count)));
    expect(policy.rules).toHaveLength(count);
    const context = { now: new Date() };
    return decide(policy, { caller, tool, args: { amount: 7, message: 'hello' }, context });
  });
  expect(few).toMatchObject({ effect: 'allow', redactions: [{ ruleId: 'rule-0' }] });
  for (const more of [some, many]) {
    expect(more!.effect).toBe('allow');
    expect(more!.redactions).toHaveLength(1);
  }
});

test('tools are spread over connections without losing any', () => {
  expect(toolsOfConnections({ connections: 3, tools: 11 })).toEqual([4, 4, 3]);
});

test('a profile is summed by part, without idle time', () => {
  const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 0 });
  const nodes = [
    frame('(idle)', ''),
    frame('admit', 'file:///r/apps/gateway/dist/tool-call/admit.js'),
    frame('parse', 'file:///r/node_modules/@scope/name/lib/parse.js'),
    frame('(garbage collector)', ''),
  ].map((callFrame, id) => ({ id, callFrame }));
  const { busyMs, parts } = sumProfile({
    nodes,
    samples: [0, 1, 1, 2, 3],
    timeDeltas: [9000, 1000, 2000, 2000, 500],
  });
  expect(busyMs).toBe(5.5);
  expect(parts).toEqual([
    ['apps/gateway/tool-call', 3],
    ['@scope/name', 2],
    ['garbage collection', 0.5],
  ]);
});
