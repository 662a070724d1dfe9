import { ConducktorError } from '@conducktor/contracts';
import type { Caller } from '../http/caller.js';

/** Nobody gives, takes or uses rights above their own: what is an owner's, only an owner touches. */
export function requireMayManage(caller: Caller, roles: readonly string[]): void {
  if (!roles.includes('owner') || caller.roles.includes('owner')) return;
  throw new ConducktorError(
    'forbidden',
    'Permission denied: only an owner may make, change or act for an owner.',
  );
}
