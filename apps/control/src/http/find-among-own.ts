import { membershipsOf, type TenantTx } from '@conducktor/db';
import type { Control } from '../control.js';
import { loadCaller, type Caller } from './caller.js';

export interface FoundAmongOwn<Found> {
  caller: Caller;
  tenantId: string;
  workspace: string;
  found: Found;
}

/**
 * What a link names, out of the workspaces of this person, whichever it is of: `read` looks for it in one of
 * them. Undefined where none has it, or this person may not come in there. Throws `frozen`. What of it they may
 * see is for the caller to ask.
 */
export async function findAmongOwn<Found>(
  control: Control,
  userId: string,
  read: (tx: TenantTx) => Promise<Found | undefined>,
): Promise<FoundAmongOwn<Found> | undefined> {
  for (const { tenantId, tenantName } of await membershipsOf(control.db, userId)) {
    const found = await control.db.withTenant(tenantId, read);
    if (!found) continue;
    const caller = await loadCaller(control, {
      tenantId,
      via: 'session',
      clientId: 'browser',
      scopes: [],
      member: { userId },
    });
    return caller && { caller, tenantId, workspace: tenantName, found };
  }
  return undefined;
}
