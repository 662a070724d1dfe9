import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile.js';
import { decide } from '../decide.js';
import { parsePolicy } from '../parse.js';
import { READY_MADE, readyMade } from '../ready-made/ready-made.js';
import { runPolicyTests } from '../run-tests.js';
import { aCall, aCaller, aTool } from './factories.js';

const policyOf = (id: string, parameters?: object, byDefault = 'allow') =>
  compilePolicy(
    parsePolicy({
      version: 1,
      default: byDefault,
      ...readyMade(id, parameters as Record<string, unknown>),
    }),
  );

describe.each(READY_MADE.map(({ id }) => id))('%s', (id) => {
  it.each(['deny', 'allow-read', 'allow'])(
    'holds its own tests with the default %s',
    (byDefault) => {
      const results = runPolicyTests(policyOf(id, undefined, byDefault));
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter(({ passed }) => !passed)).toEqual([]);
    },
  );

  it('says what it is, and leaves alone who only reads', () => {
    const policy = READY_MADE.find((each) => each.id === id)!;
    expect(policy.title).not.toBe('');
    expect(policy.sentence).toMatch(/\.$/);
    for (const { description } of policy.parameters) expect(description).toMatch(/\.$/);
    const reading = aCall({
      tool: aTool({ class: 'read' }),
      caller: aCaller({ groups: ['contractors'] }),
    });
    expect(decide(policyOf(id), reading).effect).toBe('allow');
  });
});

describe('a ready-made policy', () => {
  it('leaves alone whom and what it is not about', () => {
    expect(decide(policyOf('read-only-contractors'), aCall()).effect).toBe('allow');
    expect(decide(policyOf('approve-destructive'), aCall()).effect).toBe('allow');
    const sending = aCall({
      tool: aTool({ labels: ['egress'] }),
      context: { now: new Date(), seen: new Set(['private']) },
    });
    expect(
      decide(policyOf('nothing-leaves', { seen: ['private', 'untrusted'] }), sending).effect,
    ).toBe('allow');
    expect(decide(policyOf('nothing-leaves'), sending).effect).toBe('require_approval');
  });

  it.each([
    ['2026-11-23T09:00:00Z', 'allow'], // a Monday, 10:00 in Berlin
    ['2026-11-23T07:59:00Z', 'deny'],
    ['2026-11-23T16:59:00Z', 'allow'],
    ['2026-11-23T17:00:00Z', 'deny'],
    ['2026-11-22T12:00:00Z', 'deny'], // a Sunday
  ])('of business hours in Berlin, at %s: %s', (at, effect) => {
    const policy = policyOf('business-hours', { zone: 'Europe/Berlin' });
    expect(decide(policy, aCall({ context: { now: new Date(at) } })).effect).toBe(effect);
  });

  it.each([
    ['2026-11-21T05:59:00Z', 'allow'], // a Saturday: the night that began on Friday
    ['2026-11-21T22:00:00Z', 'deny'],
    ['2026-11-23T05:59:00Z', 'deny'], // a Monday: the night that began on Sunday
    ['2026-11-23T12:00:00Z', 'deny'],
    ['2026-11-23T22:00:00Z', 'allow'],
  ])('of business hours by night, at %s: %s', (at, effect) => {
    const policy = policyOf('business-hours', { from: '22:00', to: '06:00' });
    expect(decide(policy, aCall({ context: { now: new Date(at) } })).effect).toBe(effect);
  });

  it('of business hours that leave one minute holds its own test', () => {
    const parameters = {
      from: '09:00',
      to: '08:59',
      days: 'mon tue wed thu fri sat sun'.split(' '),
    };
    const [result] = runPolicyTests(policyOf('business-hours', parameters));
    expect(result).toMatchObject({ passed: true });
  });

  it('takes its parameters, and names the one that is wrong', () => {
    expect(
      readyMade('approve-all-writes', { group: 'finance', count: 2, expires: '30m' }).rules[0],
    ).toMatchObject({
      approvers: { group: 'finance', count: 2, label: 'Admin team' },
      expires: '30m',
    });
    expect(() => readyMade('nothing')).toThrow('Policy, id: must be one of read-only-contractors');
    const wrong = (id: string, parameters: object) => () =>
      readyMade(id, parameters as Record<string, unknown>);
    expect(wrong('approve-all-writes', { grup: 'x' })).toThrow('parameters.grup: is none of');
    expect(wrong('approve-all-writes', { count: '2' })).toThrow(
      'parameters.count: must be a number',
    );
    expect(wrong('approve-all-writes', { count: 0 })).toThrow('approvers.count');
    expect(wrong('read-only-contractors', { groups: 'x' })).toThrow('must be a list of names');
    expect(wrong('business-hours', { zone: 'Mars/Base' })).toThrow('need a known "zone"');
    expect(wrong('business-hours', { days: ['monday'] })).toThrow('"days" such as mon');
  });
});
