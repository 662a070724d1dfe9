import { hash } from 'node:crypto';
import type { NotJudged } from '@conducktor/contracts';
import { sealedArgumentsOf, type RecordedCallRow } from '@conducktor/db';
import type { Control } from '../../control.js';

export type RecordedArguments = { args: Record<string, unknown> } | { notKept: NotJudged };

// Between the database's clock and a gateway's.
const CLOCKS_APART_MS = 5 * 60_000;

/**
 * What recorded calls were made with, or why that cannot be known any more. Two queries for all of them;
 * nobody gets a key by it, and a key that was destroyed a moment ago opens nothing.
 */
export async function recordedArguments(
  { db, vault }: Pick<Control, 'db' | 'vault'>,
  tenantId: string,
  calls: readonly RecordedCallRow[],
): Promise<Map<number, RecordedArguments>> {
  const sealed = await db.withTenant(tenantId, (tx) =>
    sealedArgumentsOf(
      tx,
      calls.map(({ seq }) => seq),
    ),
  );
  const boxes = new Map(sealed.map((row) => [row.seq, row]));
  const people = new Set(calls.flatMap(({ memberId }) => memberId ?? []));
  const openers = await vault.subjectOpeners(tenantId, [...people]);

  const open = (call: RecordedCallRow): RecordedArguments => {
    const row = boxes.get(call.seq);
    if (row?.expired) return { notKept: 'arguments_expired' };
    if (!row?.sealed) return { notKept: 'arguments_not_kept' };
    const key = openers.get(call.memberId ?? '');
    if (!key || key.since.getTime() > call.at.getTime() + CLOCKS_APART_MS)
      return { notKept: 'arguments_erased' };
    try {
      const text = key.open(row.place ?? '', row.sealed).toString('utf8');
      // What audit keeps is not what was decided on where a rule took something out of it.
      if (hash('sha256', text, 'hex') !== call.argumentsHash)
        return { notKept: 'arguments_redacted' };
      return { args: JSON.parse(text) as Record<string, unknown> };
    } catch {
      // Sealed under a key that is not there any more, whatever the clocks say.
      return { notKept: 'arguments_erased' };
    }
  };
  return new Map(calls.map((call) => [call.seq, open(call)]));
}
