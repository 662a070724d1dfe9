import { newId } from '@conducktor/contracts';
import {
  channelsFor,
  insertDelivery,
  insertMail,
  takeNotificationEvent,
  type Db,
  type NotificationEventRow,
  type TenantTx,
} from '@conducktor/db';
import { sealMail, type Mail } from '@conducktor/mail';
import type { Vault } from '@conducktor/vault';
import { isAlertKind, readAlert } from '../alerts/read-alerts.js';
import { lettersOfAlert } from './letters-of-alert.js';
import { lettersOfApproval } from './letters-of-approval.js';
import { readToldApproval } from './told-approval.js';

export interface SpreadDeps {
  db: Db;
  vault: Vault;
  publicUrl: string;
}

/**
 * Makes letters and one delivery for each channel of an event, in one transaction and once, whichever
 * replicas try. Of what is gone nothing is told.
 */
export async function spreadEvent(
  deps: SpreadDeps,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<void> {
  await deps.db.withTenant(tenantId, async (tx) => {
    const event = await takeNotificationEvent(tx, id);
    if (!event) return;
    const letters = await lettersOf(deps, tx, event);
    if (!letters) return;
    for (const channelId of await channelsFor(tx, event.kind)) {
      await insertDelivery(tx, { id: newId('ndl'), eventId: id, channelId });
    }
    for (const letter of letters) {
      await insertMail(tx, sealMail(deps.vault.sealForInstall, letter, `${id}/${letter.to}`));
    }
  });
}

/** Undefined: what it was about is gone. */
async function lettersOf(
  deps: SpreadDeps,
  tx: TenantTx,
  event: NotificationEventRow,
): Promise<Mail[] | undefined> {
  if (isAlertKind(event.kind)) {
    const alert = await readAlert(tx, event.subjectId);
    return alert && lettersOfAlert(deps, tx, alert);
  }
  const approval = await readToldApproval(tx, event.subjectId);
  return approval && lettersOfApproval(deps, tx, event, approval);
}
