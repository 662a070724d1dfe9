import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createAddressRules } from '../address-rules.js';

const refuse = (
  address: string,
  allow: string[] = [],
  denyPorts: number[] = [],
  port = 80,
  host = 'server.test',
) => createAddressRules({ allow, denyPorts }).refuse(address, { host, port });

describe('addresses', () => {
  it.each([
    '93.184.216.34',
    '1.1.1.1',
    '100.63.255.255',
    '172.32.0.1',
    '2606:4700:4700::1111',
    '2a00:1450:4001::1',
  ])('%s is public', (address) => expect(refuse(address)).toBeUndefined());

  it.each([
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['192.168.3.4', 'private'],
    ['fd12::1', 'private'],
    ['10.1.2.3', '10.1.0.0/16'],
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.0/104'],
    ['169.254.169.254', '169.254.169.254'],
  ])('%s is opened by %s and not without it', (address, item) => {
    expect(refuse(address)).toMatch(/private, reserved or local/);
    expect(refuse(address, [item])).toBeUndefined();
  });

  it.each([
    ['::ffff:127.0.0.1', 'loopback'],
    ['0.0.0.0', 'loopback'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['10.2.0.1', '10.1.0.0/16'],
    ['fd00:ec2::254', 'private'],
    ['169.254.169.254', '0.0.0.0/0'],
    ['192.168.0.1', 'loopback'],
  ])('%s is not opened by %s', (address, item) => expect(refuse(address, [item])).toBeDefined());

  it('a named host opens private addresses for itself only, and never the metadata service', () => {
    expect(refuse('10.0.0.9', ['crm.internal'], [], 80, 'CRM.internal.')).toBeUndefined();
    expect(refuse('10.0.0.9', ['crm.internal'], [], 80, 'other.internal')).toBeDefined();
    expect(refuse('169.254.169.254', ['crm.internal'], [], 80, 'crm.internal')).toBeDefined();
  });

  it('a word that is neither stops the start', () => {
    expect(() => createAddressRules({ allow: ['10.0.0.0/99'], denyPorts: [] })).toThrow(
      '10.0.0.0/99',
    );
    expect(() => createAddressRules({ allow: ['http://x'], denyPorts: [] })).toThrow('http://x');
  });
});

describe('the ports of Conducktor itself', () => {
  it('stay closed on opened addresses, and on every address of this machine', () => {
    expect(refuse('127.0.0.1', ['loopback'], [8080], 8080)).toMatch(/internal port/);
    expect(refuse('127.0.0.1', ['loopback'], [8080], 8092)).toBeUndefined();
    expect(refuse('93.184.216.34', ['loopback'], [8080], 8080)).toBeUndefined();
    const own = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find((entry) => !entry.internal && entry.family === 'IPv4');
    if (own) expect(refuse(own.address, ['private'], [8080], 8080)).toBeDefined();
  });
});
