import { createHash } from 'node:crypto';
import { ConducktorError, type Invitation } from '@conducktor/contracts';
import { takeAttempt, type Allowance, type PrismaTx } from '@conducktor/db';
import { mintInvitation } from '@conducktor/identity';
import { invitationLetter, sealMail } from '@conducktor/mail';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';

const INVITATION_MS = 7 * 24 * 3600 * 1000;
/** Invitations of one workspace: a hundred, then one in five minutes. */
const PER_WORKSPACE: Allowance = { burst: 100, everyMs: 5 * 60_000 };
/** Letters to one address, from whichever workspaces. Beyond, links are shown and not mailed. */
const PER_ADDRESS: Allowance = { burst: 5, everyMs: 3600_000 };

export type InvitationDeps = Pick<Control, 'prisma' | 'db' | 'vault' | 'publicUrl'>;

/** What is decided before the transaction that writes an invitation. */
export interface InvitationPermit {
  mayMail: boolean;
}

/**
 * Counts one invitation of the caller's workspace to this address; throws `rate_limited`. A letter goes
 * out only in the name of a person whose own address is confirmed, so that nobody who just signed up
 * has us write to strangers.
 */
export async function permitInvitation(
  { db }: Pick<Control, 'db'>,
  { tenantId, memberId }: Caller,
  email: string,
): Promise<InvitationPermit> {
  const wait = await takeAttempt(db, `invitations/workspace/${tenantId}`, PER_WORKSPACE);
  if (wait > 0) {
    const minutes = Math.ceil(wait / 60_000);
    throw new ConducktorError(
      'rate_limited',
      `This workspace invited very many people just now. Try again in ${minutes} minutes.`,
    );
  }
  const { rows } = await db.pool.query<{ may: boolean }>('select may_send_letters($1, $2) as may', [
    tenantId,
    memberId,
  ]);
  if (!rows[0]!.may) return { mayMail: false };
  const address = createHash('sha256').update(email.toLowerCase()).digest('base64url');
  return { mayMail: (await takeAttempt(db, `letter/invitation/${address}`, PER_ADDRESS)) === 0 };
}

/**
 * Makes the link of a member who has not joined, in place of an earlier one, and queues a letter that
 * brings another link to the same invitation: whoever comes by that one shows that the mailbox is
 * theirs, and who was shown the other one, such as the inviter, does not.
 */
export async function writeInvitation(
  { vault, publicUrl }: InvitationDeps,
  tx: PrismaTx,
  caller: Caller,
  { mayMail }: InvitationPermit,
  invited: { memberId: string; email: string },
): Promise<Invitation> {
  const { tenantId } = caller;
  const { memberId, email } = invited;
  const [shown, mailed] = [mintInvitation(), mayMail ? mintInvitation() : undefined];
  const expiresAt = new Date(Date.now() + INVITATION_MS);
  // No `excluded`, because this role may write hashes and not read them.
  await tx.$executeRaw`
    insert into invitation as i (tenant_id, member_id, token_hash, mailed_hash, invited_by, expires_at)
    values (${tenantId}, ${memberId}, ${shown.tokenHash}, ${mailed?.tokenHash ?? null}, ${caller.email}, ${expiresAt})
    on conflict (tenant_id, member_id) do update
      set token_hash = ${shown.tokenHash}, mailed_hash = ${mailed?.tokenHash ?? null},
          invited_by = ${caller.email}, expires_at = ${expiresAt}, accepted_at = null`;
  const linkOf = (token: string) => `${publicUrl}/invite?token=${token}`;
  if (mailed) {
    const { name } = await tx.tenant.findUniqueOrThrow({ where: { id: tenantId } });
    const letter = invitationLetter({
      to: email,
      publicUrl,
      workspace: name,
      inviter: caller.email,
      url: linkOf(mailed.token),
      expiresAt,
    });
    const { sealed, ...row } = sealMail(vault.sealForInstall, letter);
    // createMany, because this role may write letters and not read them.
    await tx.mailOutbox.createMany({ data: [{ ...row, sealed: Uint8Array.from(sealed) }] });
  }
  return {
    url: linkOf(shown.token),
    expiresAt: expiresAt.toISOString(),
    mailed: mailed !== undefined,
  };
}
