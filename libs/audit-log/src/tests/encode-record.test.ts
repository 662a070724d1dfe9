import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../record.js';

const record = (tool: string) => ({
  at: '2026-11-21T00:00:00.000Z',
  memberId: 'mem_1',
  actor: 'a@example.com',
  clientId: 'c',
  tool,
  decision: 'deny' as const,
});

describe('encodeRecord', () => {
  it('replaces what jsonb refuses', () => {
    const text = encodeRecord(record('a\u0000b\ud800c'));
    expect(JSON.parse(text).tool).toBe('a\ufffdb\ufffdc');
    expect(text).not.toMatch(/\\u0000|\\ud800/);
  });

  it('keeps a written-out escape and a whole surrogate pair', () => {
    expect(JSON.parse(encodeRecord(record('\\u0000 😀'))).tool).toBe('\\u0000 😀');
  });
});
