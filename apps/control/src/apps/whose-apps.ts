import type { Caller } from '../http/caller.js';

/** Whether the caller sees what others connected, or only their own. */
export function managesAllApps(caller: Caller): boolean {
  return caller.roles.some((each) => each === 'owner' || each === 'admin');
}

/** The rows of a list that the caller may see. */
export const visibleTo = (caller: Caller) =>
  managesAllApps(caller) ? {} : { memberId: caller.memberId };
