import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile.js';
import { parsePolicy } from '../parse.js';
import { visibility, visible } from '../visibility.js';
import { aCaller, aTool } from './factories.js';

const read = aTool({ name: 'hr_find', connection: 'hr', class: 'read' });
const write = aTool({ name: 'hr_fire', connection: 'hr', class: 'destructive' });
const caller = aCaller();
const seen = (rules: object[], tool = write, byDefault = 'allow') =>
  visibility(compilePolicy(parsePolicy({ version: 1, default: byDefault, rules })), caller, tool, [
    read,
    write,
  ]);

describe('a tool shows itself', () => {
  it('as unknown when its whole connection is refused without a sentence', () => {
    expect(seen([{ id: 'r', when: { connections: ['hr'] }, effect: 'deny' }])).toBe('unknown');
    expect(seen([], read, 'deny')).toBe('unknown');
  });

  it('as refused by name when a sentence says why, or other tools of its connection may be used', () => {
    const rule = { id: 'r', when: { connections: ['hr'] }, effect: 'deny', message: 'Ask HR' };
    expect(seen([rule])).toBe('unlisted');
    expect(seen([{ id: 'r', when: { class: ['destructive'] }, effect: 'deny' }])).toBe('unlisted');
    expect(seen([], write, 'allow-read')).toBe('unlisted');
  });

  it('in lists when it may be used, may be used under conditions, or is kept there', () => {
    expect(seen([])).toBe('listed');
    expect(seen([{ id: 'r', when: { if: 'args.n > 1' }, effect: 'deny' }])).toBe('listed');
    expect(seen([{ id: 'r', effect: 'deny', message: 'Soon', list: true }])).toBe('listed');
    expect(seen([{ id: 'r', when: { if: 'args.n > 1' }, effect: 'allow' }], write, 'deny')).toBe(
      'listed',
    );
    expect(seen([{ id: 'r', when: { groups: ['x'] }, effect: 'deny' }])).toBe('listed');
  });

  it('to lists as visible or not', () => {
    const policy = compilePolicy(parsePolicy({ version: 1, default: 'allow-read' }));
    expect(visible(policy, caller, read)).toBe(true);
    expect(visible(policy, caller, write)).toBe(false);
  });
});
