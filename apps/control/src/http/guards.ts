import { ConducktorError, type Permission, type Role } from '@conducktor/contracts';
import type { Caller } from './caller.js';

/** One condition of a route, checked before its body is read. `name` is what the inventory shows. */
export interface Guard {
  name: string;
  check(caller: Caller): void;
}

/** Whoever holds a valid API key or is signed in in a browser. Always the first guard of a route that is not open. */
export const signedIn: Guard = { name: 'signed in', check: () => {} };

/** The key's own scope, whatever its person may do. A browser session is its person and has no scopes. */
export function scope(needed: string): Guard {
  return {
    name: `scope ${needed}`,
    check: (caller) => {
      if (caller.via === 'session' || caller.scopes.includes(needed)) return;
      throw new ConducktorError(
        'insufficient_scope',
        `Permission denied: this needs an API key with the scope "${needed}".`,
        { detail: { scope: needed } },
      );
    },
  };
}

/** At least one of these roles in the workspace. */
export function role(...allowed: Role[]): Guard {
  return {
    name: `role ${allowed.join(' or ')}`,
    check: (caller) => {
      if (caller.roles.some((each) => allowed.includes(each))) return;
      throw new ConducktorError(
        'forbidden',
        `Permission denied: this needs the role ${allowed.join(' or ')} in this workspace.`,
      );
    },
  };
}

/** Who may look at what the workspace is made of; approvers judge calls by it. */
export const readers = role('owner', 'admin', 'approver', 'auditor');

/** Who may change it. */
export const writers = role('owner', 'admin');

/** What is given to nobody below an owner. */
export const owners = role('owner');

/** Given to a member beside their roles, by owners only. */
export function permission(needed: Permission): Guard {
  return {
    name: `permission ${needed}`,
    check: (caller) => {
      if (caller.permissions.includes(needed)) return;
      throw new ConducktorError(
        'forbidden',
        `Permission denied: this needs the permission "${needed}", which an owner of the workspace can give.`,
      );
    },
  };
}
