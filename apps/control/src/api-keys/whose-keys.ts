import { ConducktorError } from '@conducktor/contracts';
import type { Caller } from '../http/caller.js';
import { requireMayManage } from '../members/may-manage.js';

/** Whether the caller sees keys of the whole workspace, or only their own. */
export function managesAllKeys(caller: Caller): boolean {
  return caller.roles.some((each) => each === 'owner' || each === 'admin');
}

/** A key acts as its person: making or ending one for somebody needs rights at least as wide. */
export function requireMayActFor(
  caller: Caller,
  member: { id: string; roles: string[]; permissions: string[] },
): void {
  if (member.id === caller.memberId) return;
  if (!managesAllKeys(caller))
    throw new ConducktorError(
      'forbidden',
      'Permission denied: keys of other members are for owners and admins.',
    );
  requireMayManage(caller, member.roles);
  if (member.permissions.length > 0 && !caller.roles.includes('owner'))
    throw new ConducktorError(
      'forbidden',
      'Permission denied: only an owner may act for a member who has permissions beyond their roles.',
    );
}
