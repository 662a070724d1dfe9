import { ConducktorError, type Connection, type ConnectionPatch } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { sealConnectionSecrets, type ConnectionSecrets } from '@conducktor/vault';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { connectionView, toView } from './read-connections.js';
import { isEmpty, namesOf, recordedUrl } from './secrets.js';

// Which fields make sense for which kind.
const FIELDS: Record<string, readonly string[]> = {
  'mcp-http': ['url', 'headers', 'timeoutMs', 'scopes'],
  'mcp-sse': ['url', 'headers', 'timeoutMs', 'scopes'],
  'mcp-stdio': ['catalog', 'args', 'env', 'timeoutMs', 'scopes'],
};

/** Changes what is given. The higher revision makes workers and gateways load the connection afresh. */
export async function updateConnection(
  { prisma, vault }: Pick<Control, 'prisma' | 'vault'>,
  caller: Caller,
  id: string,
  patch: ConnectionPatch,
): Promise<Connection> {
  const { tenantId } = caller;
  const { headers, env, ...plain } = patch;
  const secrets: ConnectionSecrets | undefined = headers ? { headers } : env ? { env } : undefined;
  const sealed =
    secrets && !isEmpty(secrets)
      ? await sealConnectionSecrets(vault, tenantId, id, secrets)
      : undefined;

  return prisma.withTenant(tenantId, async (tx) => {
    const where = { tenantId_id: { tenantId, id } };
    const row = found(
      await tx.connection.findUnique({
        where,
        include: { secret: { select: { updatedAt: true } } },
      }),
      'connection',
    );
    const { kind, slug } = row;
    const foreign = Object.keys(patch).find((field) => !FIELDS[kind]?.includes(field));
    if (foreign)
      throw new ConducktorError(
        'invalid_request',
        `"${foreign}": a connection of kind ${kind} has none.`,
      );
    if (row.secret && !secrets) refuseNewReceiver(row, patch);
    // What clients must ask for is no business of the server: it is not connected to anew.
    const asBefore = patch.scopes !== undefined && Object.keys(patch).length === 1;
    await tx.connection.update({
      where,
      data: { ...plain, ...(asBefore ? {} : { revision: { increment: 1 } }) },
    });
    if (secrets) await replaceSecret(tx, tenantId, id, sealed);
    await recordChange(tx, caller, 'connection.update', {
      connection: slug,
      connectionId: id,
      ...plain,
      ...(patch.url !== undefined && { url: recordedUrl(patch.url) }),
      ...(secrets ? { secretNames: namesOf(secrets) } : {}),
    });
    return toView(
      found(await tx.connection.findUnique({ where, include: connectionView }), 'connection'),
    );
  });
}

/**
 * A secret was entered for one receiver. Sent to another that is chosen later, it would be read back:
 * by whoever may change connections, and may not see what is stored.
 */
function refuseNewReceiver(
  row: { url: string | null; catalog: string | null },
  patch: ConnectionPatch,
): void {
  const moved = patch.url !== undefined && originOf(patch.url) !== originOf(row.url);
  if (moved) throw enterAgain('headers', 'address');
  if (patch.catalog !== undefined && patch.catalog !== row.catalog)
    throw enterAgain('env', 'server');
}

const originOf = (url: string | null) => (url === null ? undefined : URL.parse(url)?.origin);

const enterAgain = (field: 'headers' | 'env', receiver: string) =>
  new ConducktorError(
    'invalid_request',
    `"${field}": enter them again for the new ${receiver}, or send {} to remove them; those stored stay with the old one.`,
  );

async function replaceSecret(
  tx: PrismaTx,
  tenantId: string,
  connectionId: string,
  sealed: Buffer | undefined,
) {
  await tx.connectionSecret.deleteMany({ where: { tenantId, connectionId } });
  if (sealed)
    await tx.connectionSecret.create({
      data: { tenantId, connectionId, sealed: Uint8Array.from(sealed) },
    });
}
