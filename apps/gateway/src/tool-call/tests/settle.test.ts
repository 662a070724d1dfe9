import { FREE } from '@conducktor/budget';
import type { CallResult } from '@conducktor/contracts';
import type { CallMetrics } from '@conducktor/runtime';
import { Timeline } from '@conducktor/telemetry';
import type { Vault } from '@conducktor/vault';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../journal/journal.js';
import type { Settlement } from '../../journal/types.js';
import { settle } from '../settle.js';
import type { AdmittedCall } from '../types.js';

const metrics = { ended: () => {} } as unknown as CallMetrics;
const answer = { kind: 'result', result: { content: [] } } as const;
const ok: CallResult = { outcome: 'ok', resultJson: '{}', durationMs: 1 };

function call(more: { class?: string; idempotencyHash?: string } = {}): AdmittedCall {
  return {
    callId: 'call_1',
    key: { epoch: 1, tick: 1, ordinal: 1 },
    idempotencyHash: more.idempotencyHash,
    quote: FREE,
    caller: { workspace: { tenantId: 'ten_1' }, member: { id: 'mem_1' } },
    tool: { class: more.class ?? 'read', shownName: 'a_b', connection: { slug: 'a' } },
    sent: { method: 'tools/call' },
    input: { context: { timeline: new Timeline() } },
  } as unknown as AdmittedCall;
}
function deps(
  committed: Promise<void>,
  seal: () => Promise<Buffer> = async () => Buffer.from('x'),
) {
  const settled: Settlement[] = [];
  const journal = {
    settle: (settlement: Settlement) => {
      settled.push(settlement);
      return committed;
    },
  } as unknown as Journal;
  const vault = { sealForSubject: seal } as unknown as Vault;
  return { journal, vault, metrics, commitWaitMs: 50, settled };
}
const never = new Promise<void>(() => {});
const codeOf = (given: Awaited<ReturnType<typeof settle>>) =>
  given.kind === 'result'
    ? (given.result['_meta'] as Record<string, unknown> | undefined)?.['conducktor/code']
    : given.kind;

describe('settling a call', () => {
  it('answers at once where a worker keeps the outcome', async () => {
    expect(await settle(deps(never), call(), ok, answer)).toBe(answer);
  });

  it('does not hold a client for ever when the commit of a destructive call does not come', async () => {
    const given = await settle(deps(never), call({ class: 'destructive' }), ok, answer);
    expect(codeOf(given)).toBe('outcome_unknown');
  });

  it('answers a destructive call with what the upstream said once that is committed', async () => {
    expect(await settle(deps(Promise.resolve()), call({ class: 'destructive' }), ok, answer)).toBe(
      answer,
    );
  });

  it('waits for the commit of an outcome that no worker knows of', async () => {
    for (const outcome of ['unknown', 'unavailable', 'not_sent'] as const) {
      const given = await settle(deps(never), call(), { outcome, durationMs: 0 }, answer);
      expect(codeOf(given)).toBe('outcome_unknown');
    }
  });

  it('records the outcome also when the answer cannot be sealed for later', async () => {
    const broken = deps(Promise.resolve(), async () => {
      throw new Error('The key cannot be read now.');
    });
    expect(await settle(broken, call({ idempotencyHash: 'h' }), ok, answer)).toBe(answer);
    expect(broken.settled).toHaveLength(1);
    expect(broken.settled[0]!.answer).toBeUndefined();
  });

  it('records how many bytes the result had, as the worker does that settles in its place', async () => {
    const given = deps(Promise.resolve());
    await settle(given, call(), { ...ok, resultJson: '{"text":"größer 💶"}' }, answer);
    expect(JSON.parse(given.settled[0]!.record)).toMatchObject({ resultSize: 24 });
  });
});
