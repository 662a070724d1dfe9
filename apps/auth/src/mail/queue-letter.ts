import { insertMail, type InstallationTx } from '@conducktor/db';
import { sealMail, type Mail } from '@conducktor/mail';
import type { Vault } from '@conducktor/vault';

/**
 * Queues a letter in the transaction that causes it; `tx` is that transaction, or the pool. With a
 * `dedupeKey`, only the first letter of that key is written.
 */
export async function queueLetter(
  { vault }: { vault: Vault },
  tx: Pick<InstallationTx, 'query'>,
  mail: Mail,
  dedupeKey?: string,
): Promise<void> {
  await insertMail(tx, sealMail(vault.sealForInstall, mail, dedupeKey));
}
