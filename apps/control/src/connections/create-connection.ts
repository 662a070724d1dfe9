import { newId, type NewConnection } from '@conducktor/contracts';
import { sealConnectionSecrets } from '@conducktor/vault';
import { recordChange } from '../audit/record-change.js';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { unlessTaken } from '../http/unique.js';
import { isEmpty, namesOf, recordedUrl } from './secrets.js';

/** Stores the connection as PENDING, its headers or environment sealed. Nothing is dialled yet. */
export async function createConnection(
  { prisma, vault }: Pick<Control, 'prisma' | 'vault'>,
  caller: Caller,
  wanted: NewConnection,
) {
  const { tenantId } = caller;
  const id = newId('con');
  const secrets =
    wanted.kind === 'mcp-stdio' ? { env: wanted.env ?? {} } : { headers: wanted.headers ?? {} };
  const sealed = isEmpty(secrets)
    ? undefined
    : await sealConnectionSecrets(vault, tenantId, id, secrets);
  const row = {
    tenantId,
    id,
    slug: wanted.slug,
    kind: wanted.kind,
    url: wanted.kind === 'mcp-stdio' ? null : wanted.url,
    catalog: wanted.kind === 'mcp-stdio' ? wanted.catalog : null,
    args: wanted.kind === 'mcp-stdio' ? wanted.args : [],
    timeoutMs: wanted.timeoutMs,
    scopes: wanted.scopes,
  };
  return unlessTaken(
    `There is a connection or toolset "${wanted.slug}" in this workspace already.`,
    () =>
      prisma.withTenant(tenantId, async (tx) => {
        const created = await tx.connection.create({ data: row });
        if (sealed)
          await tx.connectionSecret.create({
            data: { tenantId, connectionId: id, sealed: Uint8Array.from(sealed) },
          });
        await recordChange(tx, caller, 'connection.create', {
          connection: row.slug,
          connectionId: id,
          kind: row.kind,
          url: row.url && recordedUrl(row.url),
          catalog: row.catalog,
          args: row.args,
          scopes: row.scopes,
          secretNames: namesOf(secrets),
        });
        return { id, slug: created.slug, kind: wanted.kind, status: 'PENDING' as const };
      }),
  );
}
