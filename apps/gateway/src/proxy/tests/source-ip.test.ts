import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createSourceIp } from '../source-ip.js';

const from = (peer: string, forwarded?: string) =>
  ({
    socket: { remoteAddress: peer },
    headers: { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

test.each([[[]], [['10.0.0.0/8']]])(
  'whoever is not behind a trusted proxy (%j) is who connects, whatever a header says',
  (trusted) => {
    const sourceIp = createSourceIp(trusted);
    expect(sourceIp(from('192.0.2.9', '10.0.0.1'))).toBe('192.0.2.9');
    expect(sourceIp(from('::ffff:192.0.2.9', '10.0.0.1, 10.0.0.2'))).toBe('192.0.2.9');
    expect(sourceIp(from('192.0.2.9'))).toBe('192.0.2.9');
  },
);

describe('behind trusted proxies', () => {
  const sourceIp = createSourceIp(['10.0.0.0/8', '192.0.2.7', '2001:db8:1::/48', 'loopback']);
  test.each([
    ['the one hop', '10.0.0.1', '203.0.113.5', '203.0.113.5'],
    [
      'the right-most that is none of them',
      '10.0.0.1',
      '198.51.100.1, 203.0.113.5, 10.9.9.9',
      '203.0.113.5',
    ],
    ['not what the client wrote before it', '192.0.2.7', '127.0.0.1,203.0.113.5', '203.0.113.5'],
    ['an address that merely begins alike', '192.0.2.70', '203.0.113.5', '192.0.2.70'],
    ['IPv6', '2001:db8:1::9', '2001:db8:2::1', '2001:db8:2::1'],
    ['with a port', '::1', '[2001:db8:2::1]:4711', '2001:db8:2::1'],
    ['IPv4 with a port', '127.3.2.1', '203.0.113.5:80', '203.0.113.5'],
    ['IPv4 in IPv6', '::ffff:10.0.0.1', '::ffff:203.0.113.5', '203.0.113.5'],
    ['the proxy itself, where it says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    [
      'the proxy before what is no address',
      '10.0.0.1',
      '203.0.113.5, unknown, 10.2.2.2',
      '10.2.2.2',
    ],
    ['the first, where all are trusted', '10.0.0.1', '10.0.0.9, 10.0.0.8', '10.0.0.9'],
  ])('it is %s', (_what, peer, forwarded, source) => {
    expect(sourceIp(from(peer, forwarded))).toBe(source);
  });

  test('a chain without end is not read to its end', () => {
    const endless = Array<string>(1_000_000).fill('10.0.0.1').join(',');
    expect(sourceIp(from('10.0.0.1', `203.0.113.5,${endless}`))).toBe('10.0.0.1');
  });
});

test('a proxy near by that nobody trusts is told of once; what strangers write is not', () => {
  const missed: string[] = [];
  const sourceIp = createSourceIp(['10.0.0.0/8'], (peer) => missed.push(peer));
  for (const peer of ['203.0.113.9', '10.0.0.1', '127.0.0.1', '192.168.1.1'])
    sourceIp(from(peer, '198.51.100.1'));
  sourceIp(from('127.0.0.1', undefined));
  expect(missed).toEqual(['127.0.0.1']);
});
