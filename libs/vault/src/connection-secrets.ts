import type { Vault } from './vault.js';

/** What a connection holds in secret: written through REST, opened in the connector worker only. */
export interface ConnectionSecrets {
  /** Headers of every request to the upstream (mcp-http, mcp-sse). */
  headers?: Record<string, string>;
  /** Variables of the server (mcp-stdio). */
  env?: Record<string, string>;
}

const place = (tenantId: string, connectionId: string): string =>
  `connection_secret/${tenantId}/${connectionId}`;

/** The bytes of `connection_secret.sealed`. */
export function sealConnectionSecrets(
  vault: Vault,
  tenantId: string,
  connectionId: string,
  secrets: ConnectionSecrets,
): Promise<Buffer> {
  return vault.sealForTenant(tenantId, place(tenantId, connectionId), JSON.stringify(secrets));
}

/** Throws when the bytes were sealed for another connection or tenant, or under another key. */
export async function openConnectionSecrets(
  vault: Vault,
  tenantId: string,
  connectionId: string,
  sealed: Uint8Array,
): Promise<ConnectionSecrets> {
  const opened = await vault.openForTenant(tenantId, place(tenantId, connectionId), sealed);
  return JSON.parse(opened.toString('utf8')) as ConnectionSecrets;
}
