import type { ToolView } from '@conducktor/contracts';
import { recordControlEvent, type TenantTx } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { effectiveCosts } from '../price-lists/effective-cost.js';
import { toolView, toToolView } from './list-tools.js';
import { changedMeanwhile, seenChange, type HeldChange } from './read-change.js';

// What an event holds of a change; both hashes say which definitions they were.
const MAX_FIELDS = 50;
const MAX_TEXT = 300;

export interface ChangeDecision {
  /** Of the definition that was looked at. */
  definitionHash: string;
  action: 'tool.accept' | 'tool.reject';
  detail?: Record<string, unknown>;
  /** Resolves with whether that definition was still the one that waits. */
  write(tx: TenantTx, held: HeldChange, hash: Buffer): Promise<boolean>;
}

/** Decides on one change, and on no other that came in between, and records it field by field. */
export async function decideChange(
  { prisma, db }: Pick<Control, 'prisma' | 'db'>,
  caller: Caller,
  idOrName: string,
  { definitionHash, action, detail, write }: ChangeDecision,
): Promise<ToolView> {
  const { tenantId } = caller;
  const held = await prisma.withTenant(tenantId, (tx) =>
    seenChange(tx, tenantId, idOrName, definitionHash),
  );
  const { row, change } = held;
  await db.withTenant(tenantId, async (tx) => {
    // The hash is compared by the statement that writes.
    if (!(await write(tx, held, Buffer.from(definitionHash, 'hex')))) throw changedMeanwhile();
    await recordControlEvent(tx, {
      action,
      memberId: caller.memberId,
      actor: caller.email,
      clientId: caller.clientId,
      connection: change.connection,
      tool: change.name,
      toolId: change.id,
      pinnedHash: change.definitionHash,
      definitionHash,
      class: change.class,
      fields: change.fields.slice(0, MAX_FIELDS).map(recorded),
      ...(change.fields.length > MAX_FIELDS && { moreFields: change.fields.length - MAX_FIELDS }),
      ...detail,
    });
  });
  return prisma.withTenant(tenantId, async (tx) =>
    toToolView(
      await tx.tool.findUniqueOrThrow({
        where: { tenantId_id: { tenantId, id: row.id } },
        include: toolView,
      }),
      await effectiveCosts(tx, tenantId),
    ),
  );
}

function recorded({ path, before, after }: HeldChange['change']['fields'][number]) {
  return {
    path: cut(path),
    ...(before !== undefined && { before: cut(JSON.stringify(before)) }),
    ...(after !== undefined && { after: cut(JSON.stringify(after)) }),
  };
}

/** Half a pair of surrogates is no text for a database. */
const cut = (text: string) => text.slice(0, MAX_TEXT).toWellFormed();
