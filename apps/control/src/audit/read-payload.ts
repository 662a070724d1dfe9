import { ConducktorError, type AuditPayload } from '@conducktor/contracts';
import { findCallPayload, recordControlEvent, type CallPayloadRow } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';

// Between the database's clock and a gateway's.
const CLOCKS_APART_MS = 5 * 60_000;

const SENTENCES: Record<AuditPayload['state'], string> = {
  available: 'These are the arguments that were decided on.',
  expired: 'The arguments were erased because this workspace does not keep them any longer.',
  erased:
    'The key of the person who called was destroyed, and with it what this call was made with.',
  missing:
    'The arguments were too large to stand in the event, and did not reach the store. Their hash and size are known.',
  none: 'This event has no arguments.',
};

/** What a call was made with. Whoever reads it is recorded in the same transaction, whatever is found. */
export async function readPayload(
  { db, vault }: Pick<Control, 'db' | 'vault'>,
  caller: Caller,
  eventId: string,
): Promise<AuditPayload> {
  const { tenantId } = caller;
  return db.withTenant(tenantId, async (tx) => {
    const row = found(await findCallPayload(tx, eventId), 'event');
    const state = stateOf(row);
    await recordControlEvent(tx, {
      action: 'audit.payload.read',
      memberId: caller.memberId,
      actor: caller.email,
      clientId: caller.clientId,
      eventId,
      ofCall: row.callId,
      ofMember: row.memberId,
      state,
    });
    return {
      eventId,
      callId: row.callId,
      state,
      detail: SENTENCES[state],
      argumentsHash: row.argumentsHash,
      arguments: state === 'available' ? await opened({ vault }, tenantId, row) : null,
      expiredAt: row.expiredAt?.toISOString() ?? null,
    };
  });
}

function stateOf(row: CallPayloadRow): AuditPayload['state'] {
  if (row.expiredAt) return 'expired';
  if (!row.sealed) return row.apart ? 'missing' : 'none';
  // Looked at before the vault is asked, which would make a person without a key a new one.
  const keyIsOfThen =
    row.keyMadeAt && row.keyMadeAt.getTime() <= row.at.getTime() + CLOCKS_APART_MS;
  return keyIsOfThen ? 'available' : 'erased';
}

async function opened(
  { vault }: Pick<Control, 'vault'>,
  tenantId: string,
  { memberId, callId, sealed }: CallPayloadRow,
): Promise<unknown> {
  if (memberId === null || callId === null || sealed === null)
    throw new ConducktorError('internal_error', 'This call names nobody.');
  const text = await vault.openForSubject(tenantId, memberId, `call/${callId}`, sealed);
  return JSON.parse(text.toString('utf8'));
}
