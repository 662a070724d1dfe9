import {
  ConducktorError,
  PREVIEW_SIDES,
  type PreviewSide,
  type StoredPreview,
  type StoredRead,
  type ToolPreview,
} from '@conducktor/contracts';
import type { Prisma, PrismaTx } from '@conducktor/db';

type ToolRow = Prisma.ToolGetPayload<object>;

/**
 * A preview with the tools that it is read with, as they are now. Each is another tool of the same
 * connection that clients can call, and read only by an admin's word: what its service says of itself is
 * not enough for a call that nobody asked for. Throws `invalid_request`. Gateways look at all of it again
 * before they read.
 */
export async function pinPreview(
  tx: PrismaTx,
  of: ToolRow,
  preview: ToolPreview,
): Promise<StoredPreview> {
  const stored: StoredPreview = {};
  for (const side of PREVIEW_SIDES) {
    const read = preview[side];
    if (read) stored[side] = await pinRead(tx, of, side, read);
  }
  return stored;
}

async function pinRead(
  tx: PrismaTx,
  { tenantId, id, connectionId }: ToolRow,
  side: PreviewSide,
  read: NonNullable<ToolPreview[PreviewSide]>,
): Promise<StoredRead> {
  const refuse = (why: string) =>
    new ConducktorError('invalid_request', `"preview.${side}.tool": ${why}`);
  const candidates = await tx.tool.findMany({
    where: { tenantId, connectionId, OR: [{ id: read.tool }, { shownName: read.tool }] },
  });
  // The id counts first: a name could have been made to look like one.
  const tool = candidates.find((each) => each.id === read.tool) ?? candidates[0];
  if (!tool) throw refuse(`the connection of this tool has no tool ${JSON.stringify(read.tool)}.`);
  const { shownName } = tool;
  if (tool.id === id) throw refuse('must be another tool than the one that waits for approval.');
  if (tool.removedAt) throw refuse(`${shownName} is not there any more.`);
  if (tool.hidden) throw refuse(`${shownName} is hidden, so nobody can call it.`);
  if (tool.offeredHash)
    throw refuse(`${shownName} is held back until what its service changed is accepted.`);
  if (tool.classOverride !== 'read')
    throw refuse(
      tool.classOverride === null && tool.proposedClass === 'read'
        ? `${shownName} only says of itself that it reads. Set its class to "read" first, if you agree.`
        : `${shownName} is not of class "read".`,
    );
  const definitionHash = Buffer.from(tool.definitionHash).toString('hex');
  return { tool: tool.id, arguments: read.arguments, definitionHash };
}
