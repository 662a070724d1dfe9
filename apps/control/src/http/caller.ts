import { ConducktorError, type Permission, type Role } from '@conducktor/contracts';
import type { Prisma } from '@conducktor/db';
import type { Control } from '../control.js';

/** Who asks, as their credential says and the workspace knows them now. */
export interface Caller {
  tenantId: string;
  memberId: string;
  email: string;
  roles: Role[];
  permissions: Permission[];
  groups: string[];
  /**
   * An API key, a browser session, or an MCP client that calls a management tool. A key does what its
   * scopes say; a session does all that its person may.
   */
  via: 'key' | 'session' | 'client';
  /** What records name as the client: the key's id, `browser`, or the client's id. */
  clientId: string;
  /** Of a key or token; empty for a session. */
  scopes: string[];
}

/** Which member, and by what; whoever made this has verified it. */
export type Proof = Pick<Caller, 'tenantId' | 'via' | 'clientId' | 'scopes'> & {
  member: { id: string } | { userId: string };
};

/**
 * The member that a verified proof speaks for, roles read afresh, so that a change is effective with
 * the next request. Undefined: no such member, or without access. Throws `frozen` for a frozen member
 * or key. A frozen workspace is still managed: somebody has to be able to look into it and to lift it.
 */
export async function loadCaller(
  { prisma }: Pick<Control, 'prisma'>,
  proof: Proof,
): Promise<Caller | undefined> {
  const { tenantId } = proof;
  return prisma.withTenant(tenantId, async (tx) => {
    const member = await tx.member.findFirst({
      where: {
        tenantId,
        ...('id' in proof.member
          ? { id: proof.member.id }
          : // Who signed in themselves uses what they have accepted; a key was handed to them.
            { userId: proof.member.userId, acceptedAt: { not: null } }),
        disabledAt: null,
        removedAt: null,
      },
      include: { memberships: { include: { group: true } } },
    });
    if (!member) return undefined;
    const subjects: Prisma.FrozenWhereInput[] = [{ kind: 'member', subjectId: member.id }];
    if (proof.via !== 'session') subjects.push({ kind: 'client', subjectId: proof.clientId });
    const frozen = await tx.frozen.findFirst({ where: { tenantId, OR: subjects } });
    if (frozen)
      throw new ConducktorError(
        'frozen',
        `An owner or admin has stopped this ${frozen.kind === 'member' ? 'member' : 'key'}: ${frozen.reason}`,
      );
    return {
      tenantId,
      memberId: member.id,
      email: member.email,
      roles: member.roles as Role[],
      permissions: member.permissions as Permission[],
      groups: member.memberships.map(({ group }) => group.name).sort(),
      via: proof.via,
      clientId: proof.clientId,
      scopes: proof.scopes,
    };
  });
}
