import { ConducktorError, type WorkspacePatch, type WorkspaceView } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { requireUnpriced, requireZone } from './money-settings.js';
import { toWorkspaceView } from './workspace-view.js';

/**
 * Retention, currency and zone are for owners. A shorter time takes effect at the next round of retention,
 * minutes later, and nothing comes back: an admin could have the records of their own acts deleted.
 */
export async function updateWorkspace(
  { prisma, publicUrl }: Pick<Control, 'prisma' | 'publicUrl'>,
  caller: Caller,
  patch: WorkspacePatch,
): Promise<WorkspaceView> {
  const { tenantId } = caller;
  const { name, limitProfile, toolChanges, currency, zone, retention = {} } = patch;
  if (patch.retention) requireOwner(caller, 'how long records are kept');
  if (currency !== undefined || zone !== undefined)
    requireOwner(caller, 'what currency amounts are in, and in whose zone budgets count,');
  const { payloadDays, eventDays } = retention;
  return prisma.withTenant(tenantId, async (tx) => {
    if (zone !== undefined) await requireZone(tx, zone);
    if (currency !== undefined) await requireUnpriced(tx, tenantId, currency);
    const updated = await tx.tenant.update({
      where: { id: tenantId },
      data: {
        ...(name === undefined ? {} : { name }),
        ...(limitProfile === undefined ? {} : { limitProfile }),
        ...(toolChanges === undefined ? {} : { toolChanges }),
        ...(currency === undefined ? {} : { currency }),
        ...(zone === undefined ? {} : { zone }),
        ...(payloadDays === undefined ? {} : { payloadDays }),
        ...(eventDays === undefined ? {} : { eventDays }),
      },
    });
    await recordChange(tx, caller, 'workspace.update', { ...patch });
    return toWorkspaceView(updated, publicUrl);
  });
}

function requireOwner({ roles }: Caller, matter: string): void {
  if (roles.includes('owner')) return;
  throw new ConducktorError('forbidden', `Permission denied: ${matter} is for owners to say.`);
}
