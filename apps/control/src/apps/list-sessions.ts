import type { ConnectedSession, SessionQuery } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy, type Page } from '../http/pages.js';
import { toSeen } from './seen.js';
import { visibleTo } from './whose-apps.js';

type Row = Prisma.ClientActivityGetPayload<object>;

/** Apps and keys seen within so many minutes. What was revoked since is not listed. */
export async function listSessions(
  { prisma }: Pick<Control, 'prisma'>,
  caller: Caller,
  query: SessionQuery,
): Promise<Page<ConnectedSession>> {
  const { tenantId } = caller;
  const since = new Date(Date.now() - query.minutes * 60_000);
  return prisma.withTenant(tenantId, async (tx) => {
    const page = await pageBy(
      query,
      (row: Row) => row.credentialId,
      (after, take) =>
        tx.clientActivity.findMany({
          where: {
            tenantId,
            ...visibleTo(caller),
            lastSeenAt: { gte: since },
            ...(after === undefined ? {} : { credentialId: { gt: after } }),
          },
          orderBy: { credentialId: 'asc' },
          take,
        }),
    );
    const ids = page.items.map(({ credentialId }) => credentialId);
    const live = { where: { tenantId, id: { in: ids }, revokedAt: null }, select: { id: true } };
    const valid = new Set(
      [...(await tx.oauthGrant.findMany(live)), ...(await tx.apiKey.findMany(live))].map(
        ({ id }) => id,
      ),
    );
    const people = await tx.member.findMany({
      where: { tenantId, id: { in: page.items.map(({ memberId }) => memberId) } },
      select: { id: true, email: true },
    });
    const person = new Map(people.map((each) => [each.id, each]));
    return {
      ...page,
      items: page.items
        .filter(({ credentialId }) => valid.has(credentialId))
        .map((row) => ({
          credentialId: row.credentialId,
          kind: row.credentialId.startsWith('key_') ? 'key' : 'app',
          clientId: row.clientId,
          member: person.get(row.memberId)!,
          ...toSeen(row),
        })),
    };
  });
}
