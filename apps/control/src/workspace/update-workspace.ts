import { ConducktorError, type WorkspacePatch, type WorkspaceView } from '@conducktor/contracts';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { toWorkspaceView } from './workspace-view.js';

/**
 * A shorter time takes effect at the next round of retention, minutes later, and nothing comes back: so
 * only owners set it, or an admin could have the records of their own acts deleted.
 */
export async function updateWorkspace(
  { prisma, publicUrl }: Pick<Control, 'prisma' | 'publicUrl'>,
  caller: Caller,
  patch: WorkspacePatch,
): Promise<WorkspaceView> {
  const { tenantId } = caller;
  const { name, limitProfile, toolChanges, retention = {} } = patch;
  if (patch.retention && !caller.roles.includes('owner'))
    throw new ConducktorError(
      'forbidden',
      'Permission denied: how long records are kept is for owners to say.',
    );
  const { payloadDays, eventDays } = retention;
  return prisma.withTenant(tenantId, async (tx) => {
    const updated = await tx.tenant.update({
      where: { id: tenantId },
      data: {
        ...(name === undefined ? {} : { name }),
        ...(limitProfile === undefined ? {} : { limitProfile }),
        ...(toolChanges === undefined ? {} : { toolChanges }),
        ...(payloadDays === undefined ? {} : { payloadDays }),
        ...(eventDays === undefined ? {} : { eventDays }),
      },
    });
    await recordChange(tx, caller, 'workspace.update', { ...patch });
    return toWorkspaceView(updated, publicUrl);
  });
}
