import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CheckedCall } from '../../tool-call/types.js';
import { RequestStates } from '../request-state.js';
import type { RequestState } from '../rounds.js';

const key = randomBytes(32);
const state: RequestState = {
  kind: 'round',
  number: 2,
  askedBy: 'con_1',
  requestState: 'the upstream’s own',
};

interface Bound {
  tenantId: string;
  memberId: string;
  clientId: string;
  method: string;
  shownName: string;
  name: string;
  argumentsHash: string;
  connectionId: string;
}
const bound: Bound = {
  tenantId: 'ten_1',
  memberId: 'mem_1',
  clientId: 'client',
  method: 'tools/call',
  shownName: 'a_b',
  name: 'b',
  argumentsHash: 'hash',
  connectionId: 'con_1',
};
const call = (more: Partial<Bound> = {}): CheckedCall => {
  const to = { ...bound, ...more };
  return {
    caller: {
      workspace: { tenantId: to.tenantId },
      member: { id: to.memberId },
      clientId: to.clientId,
    },
    tool: { shownName: to.shownName, connection: { id: to.connectionId } },
    sent: { method: to.method, name: to.name },
    argumentsHash: to.argumentsHash,
  } as unknown as CheckedCall;
};

describe('a requestState', () => {
  it('opens for the request it was made for, on any gateway that has the key', () => {
    const text = new RequestStates(key).seal(call(), state);
    expect(new RequestStates(key).open(call(), text)).toEqual({ ok: true, state });
  });

  it('shows nothing of what is in it, and is another text each time', () => {
    const states = new RequestStates(key);
    const [one, other] = [states.seal(call(), state), states.seal(call(), state)];
    expect(one).not.toBe(other);
    expect(Buffer.from(one, 'base64url').toString('latin1')).not.toContain('upstream');
  });

  it.each(Object.keys(bound) as (keyof Bound)[])('is bound to %s', (field) => {
    const states = new RequestStates(key);
    const text = states.seal(call(), state);
    expect(states.open(call({ [field]: 'another' }), text)).toEqual({ ok: false, why: 'not-ours' });
  });

  it('is refused when anything of it was changed', () => {
    const states = new RequestStates(key);
    const text = states.seal(call(), state);
    const flipped = Buffer.from(text, 'base64url');
    for (const at of [0, 11, 12, 27, 28, flipped.length - 1]) {
      flipped[at]! ^= 1;
      expect(states.open(call(), flipped.toString('base64url')).ok).toBe(false);
      flipped[at]! ^= 1;
    }
    const wrongs = [`${text}-TAMPERED`, `${text}=`, ` ${text}`, text.slice(1), '', 'x', '{}'];
    for (const wrong of [...wrongs, null, 1, { a: 1 }, [text]])
      expect(states.open(call(), wrong)).toEqual({ ok: false, why: 'not-ours' });
    expect(new RequestStates(randomBytes(32)).open(call(), text).ok).toBe(false);
    expect(states.open(call(), text).ok).toBe(true);
  });

  it('is good for ten minutes', () => {
    let now = 1_000_000;
    const states = new RequestStates(key, () => now);
    const text = states.seal(call(), state);
    now += 10 * 60_000 - 1;
    expect(states.open(call(), text).ok).toBe(true);
    now += 1;
    expect(states.open(call(), text)).toEqual({ ok: false, why: 'expired' });
  });

  it('that shows an approval is good for as long as people take', () => {
    let now = 1_000_000;
    const states = new RequestStates(key, () => now);
    const shown = { kind: 'approval', id: 'apr_1' } as const;
    const text = states.seal(call(), shown);
    now += 20 * 86_400_000;
    expect(states.open(call(), text)).toEqual({ ok: true, state: shown });
  });
});
