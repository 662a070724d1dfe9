import { newId } from '@conducktor/contracts';
import {
  channelsFor,
  insertDelivery,
  insertMail,
  takeNotificationEvent,
  type Db,
} from '@conducktor/db';
import { sealMail } from '@conducktor/mail';
import type { Vault } from '@conducktor/vault';
import { lettersOfEvent } from './letters-of-event.js';
import { readToldApproval } from './told-approval.js';

export interface SpreadDeps {
  db: Db;
  vault: Vault;
  publicUrl: string;
}

/**
 * Makes letters and one delivery for each channel of an event, in one transaction and once, whichever
 * replicas try. Of a request that is gone nothing is told.
 */
export async function spreadEvent(
  deps: SpreadDeps,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<void> {
  await deps.db.withTenant(tenantId, async (tx) => {
    const event = await takeNotificationEvent(tx, id);
    if (!event) return;
    const approval = await readToldApproval(tx, event.subjectId);
    if (!approval) return;
    for (const channelId of await channelsFor(tx, event.kind)) {
      await insertDelivery(tx, { id: newId('ndl'), eventId: id, channelId });
    }
    for (const letter of await lettersOfEvent(deps, tx, event, approval)) {
      await insertMail(tx, sealMail(deps.vault.sealForInstall, letter, `${id}/${letter.to}`));
    }
  });
}
