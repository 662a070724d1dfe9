import { TAKEN_BACK } from '@conducktor/contracts';
import type { Db, NotificationEventRow, TenantTx } from '@conducktor/db';
import {
  approvalDecidedLetter,
  approvalRequestedLetter,
  approvalVoidLetter,
  type Mail,
} from '@conducktor/mail';
import type { ApprovalRow } from '@conducktor/approvals';
import type { ToldApproval } from '@conducktor/notifications';
import { allowedAddresses } from './allowed-addresses.js';
import { whoMayDecide } from './who-may-decide.js';

/**
 * A request goes to those who may decide, what became of it to whoever asked, and that it is void to both,
 * but for what its requester took back. Never with arguments: a mailbox is no place of ours.
 */
export async function lettersOfApproval(
  { db, publicUrl }: { db: Db; publicUrl: string },
  tx: TenantTx,
  event: NotificationEventRow,
  { row, told }: { row: ApprovalRow; told: ToldApproval },
): Promise<Mail[]> {
  const about = { publicUrl, tool: told.tool, url: `${publicUrl}/approvals/${row.id}` };
  const write = letterFor(event, told, about);
  if (!write) return [];
  const members = await whomToTell(tx, event, row);
  return (await allowedAddresses(db, tx, 'approval', members)).map(write);
}

async function whomToTell(
  tx: TenantTx,
  { kind }: NotificationEventRow,
  row: ApprovalRow,
): Promise<string[]> {
  // Who decides is asked to for as long as there is something to decide.
  if (kind === 'approval.requested') return row.status === 'pending' ? whoMayDecide(tx, row) : [];
  if (kind === 'approval.void') return [row.memberId, ...(await whoMayDecide(tx, row))];
  return [row.memberId];
}

type About = { publicUrl: string; tool: string; url: string };

function letterFor(
  { kind, detail }: NotificationEventRow,
  told: ToldApproval,
  about: About,
): ((to: string) => Mail) | undefined {
  const { requester, expiresAt } = told;
  const decided = (became: 'approved' | 'rejected' | 'expired') => (to: string) =>
    approvalDecidedLetter({ to, ...about, became, by: detail['by'], reason: detail['reason'] });
  switch (kind) {
    case 'approval.requested':
      return (to) =>
        approvalRequestedLetter({ to, ...about, requester: requester.email, expiresAt });
    case 'approval.approved':
      return decided('approved');
    case 'approval.rejected':
      return decided('rejected');
    case 'approval.expired':
      return decided('expired');
    case 'approval.void':
      if (detail['reason'] === TAKEN_BACK) return undefined;
      return (to) =>
        approvalVoidLetter({
          to,
          ...about,
          requester: requester.email,
          reason: detail['reason'],
        });
    default:
      return undefined;
  }
}
