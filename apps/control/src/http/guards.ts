import { ConducktorError, type Role } from '@conducktor/contracts';
import type { Caller } from './caller.js';

/** One condition of a route, checked before its body is read. `name` is what the inventory shows. */
export interface Guard {
  name: string;
  check(caller: Caller): void;
}

/** Whoever holds a valid API key. Always the first guard of a route that is not open. */
export const signedIn: Guard = { name: 'signed in', check: () => {} };

/** The key's own scope, whatever its person may do. */
export function scope(needed: string): Guard {
  return {
    name: `scope ${needed}`,
    check: (caller) => {
      if (caller.scopes.includes(needed)) return;
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
