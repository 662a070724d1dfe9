import {
  ConducktorError,
  newId,
  type DelegationView,
  type NewDelegation,
  type PageQuery,
} from '@conducktor/contracts';
import type { Prisma, PrismaTx } from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { requireOwnKey } from './own-key.js';
import { viewerOf } from './read-approvals.js';

const LONGEST_MS = 90 * 86_400_000;
/** In force at once, of one person. */
const MOST = 20;

type Row = Prisma.ApprovalDelegationGetPayload<object>;

/**
 * Lets another member vote in the caller's place until then, on what the caller may decide. Nobody gives
 * away the right of somebody else, so there is none for admins to give.
 */
export async function createDelegation(
  { prisma, db }: Pick<Control, 'prisma' | 'db'>,
  caller: Caller,
  { to, until }: NewDelegation,
): Promise<DelegationView> {
  const { tenantId, memberId } = caller;
  const end = new Date(until);
  if (end.getTime() <= Date.now() || end.getTime() > Date.now() + LONGEST_MS)
    throw new ConducktorError('invalid_request', '"until": must be within the next 90 days.');
  await requireOwnKey({ db }, caller);
  return prisma.withTenant(tenantId, async (tx) => {
    const delegate = await memberCalled(tx, tenantId, to);
    if (delegate.id === memberId)
      throw new ConducktorError('invalid_request', '"to": must be somebody else.');
    // One after the other, so that the count holds.
    await tx.$queryRaw`select from member where tenant_id = ${tenantId} and id = ${memberId} for update`;
    const inForce = await tx.approvalDelegation.count({
      where: { tenantId, fromMemberId: memberId, until: { gt: new Date() } },
    });
    if (inForce >= MOST)
      throw new ConducktorError('conflict', `You have ${MOST} delegates. End one of them first.`);
    const row = await tx.approvalDelegation.create({
      data: {
        tenantId,
        id: newId('dlg'),
        fromMemberId: memberId,
        toMemberId: delegate.id,
        until: end,
      },
    });
    await recordChange(tx, caller, 'approval-delegation.create', {
      delegation: row.id,
      to: delegate.id,
      until: end.toISOString(),
    });
    return (await toViews(tx, [row]))[0]!;
  });
}

/** By id or address. Not Prisma's case-insensitive `equals`, for which `_` and `%` stand for anything. */
async function memberCalled(tx: PrismaTx, tenantId: string, to: string): Promise<{ id: string }> {
  const [member] = await tx.$queryRaw<{ id: string }[]>`
    select id from member
     where tenant_id = ${tenantId} and (id = ${to} or lower(email) = lower(${to}))
       and disabled_at is null and removed_at is null`;
  return found(member, 'member');
}

/** Those that stand: one's own, given and received; for owners and admins everybody's. */
export async function listDelegations(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  query: PageQuery,
): Promise<Page<DelegationView>> {
  const { tenantId, memberId } = caller;
  let views: DelegationView[] = [];
  const page = await pageBy(
    query,
    ({ id }: Row) => id,
    (after, take) =>
      prisma.withTenant(tenantId, async (tx) => {
        const rows = await tx.approvalDelegation.findMany({
          where: {
            tenantId,
            until: { gt: new Date() },
            ...(after === undefined ? {} : { id: { gt: after } }),
            ...(viewerOf(caller).all
              ? {}
              : { OR: [{ fromMemberId: memberId }, { toMemberId: memberId }] }),
          },
          orderBy: { id: 'asc' },
          take,
        });
        views = await toViews(tx, rows);
        return rows;
      }),
  );
  return { ...page, items: views.slice(0, page.items.length) };
}

/** By who gave it, who has it, or an owner or admin. Votes that were given by it stand. */
export async function deleteDelegation(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const { tenantId, memberId } = caller;
  const where = { tenantId_id: { tenantId, id } };
  await prisma.withTenant(tenantId, async (tx) => {
    const row = await tx.approvalDelegation.findUnique({ where });
    const isTheirs = row && [row.fromMemberId, row.toMemberId].includes(memberId);
    const { fromMemberId, toMemberId } = found(
      isTheirs || viewerOf(caller).all ? row : null,
      'delegation',
    );
    await tx.approvalDelegation.delete({ where });
    await recordChange(tx, caller, 'approval-delegation.delete', {
      delegation: id,
      from: fromMemberId,
      to: toMemberId,
    });
  });
}

async function toViews(tx: PrismaTx, rows: readonly Row[]): Promise<DelegationView[]> {
  const ids = rows.flatMap(({ fromMemberId, toMemberId }) => [fromMemberId, toMemberId]);
  const members = await tx.member.findMany({
    where: { id: { in: ids } },
    select: { id: true, email: true },
  });
  const emails = new Map(members.map(({ id, email }) => [id, email]));
  return rows.map((row) => ({
    id: row.id,
    from: emails.get(row.fromMemberId) ?? '',
    fromMemberId: row.fromMemberId,
    to: emails.get(row.toMemberId) ?? '',
    toMemberId: row.toMemberId,
    until: row.until.toISOString(),
    createdAt: row.createdAt.toISOString(),
  }));
}
