import type { ApprovalView } from '@conducktor/contracts';
import { recordControlEvent, type TenantTx } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';

export interface OpenedArguments {
  state: ApprovalView['argumentsState'];
  /** As parsed JSON; null unless available. */
  value: unknown;
}

// Between the database's clock and a gateway's.
const CLOCKS_APART_MS = 5 * 60_000;

/** Arguments as they are kept, and the key that they were sealed under. */
export interface SealedArguments {
  id: string;
  memberId: string;
  sealed: Buffer | null;
  createdAt: Date;
  keyMadeAt: Date | null;
}

function stateOf(row: SealedArguments): OpenedArguments['state'] {
  // Looked at before the vault is asked, which would make a person without a key a new one.
  const keyIsOfThen =
    row.keyMadeAt && row.keyMadeAt.getTime() <= row.createdAt.getTime() + CLOCKS_APART_MS;
  // Retention leaves nothing but the hash.
  if (!keyIsOfThen || row.sealed?.length === 0) return 'erased';
  return row.sealed ? 'available' : 'too_large';
}

/**
 * Records in the transaction that reads them whose arguments the caller is about to be shown; what they
 * sent themselves is no news to them.
 */
export async function recordOpening(
  tx: TenantTx,
  caller: Caller,
  rows: readonly SealedArguments[],
): Promise<void> {
  const others = rows.filter(
    (row) => row.memberId !== caller.memberId && stateOf(row) === 'available',
  );
  if (others.length === 0) return;
  await recordControlEvent(tx, {
    action: 'approval.arguments.read',
    memberId: caller.memberId,
    actor: caller.email,
    clientId: caller.clientId,
    approvals: others.map(({ id }) => id),
  });
}

/** After the record of it is on disk. What nobody can open is as good as erased, and hides no other request. */
export async function openArguments(
  { vault, logger }: Pick<Control, 'vault' | 'logger'>,
  tenantId: string,
  row: SealedArguments,
): Promise<OpenedArguments> {
  const state = stateOf(row);
  if (state !== 'available' || !row.sealed) return { state, value: null };
  try {
    const place = `approval/${row.id}`;
    const text = await vault.openForSubject(tenantId, row.memberId, place, row.sealed);
    return { state, value: JSON.parse(text.toString('utf8')) };
  } catch (error) {
    logger.error({ err: error, approval: row.id }, 'Arguments could not be opened');
    return { state: 'erased', value: null };
  }
}
