import { z } from 'zod';

/**
 * What is sealed, as JSON, in connection_secret.sealed under the tenant's key: request headers of an
 * mcp-http connection, environment of an mcp-stdio one. Written by the control plane, opened by workers.
 */
export const ConnectionSecret = z.object({
  headers: z.record(z.string(), z.string()).optional(),
  env: z.record(z.string(), z.string()).optional(),
});
export type ConnectionSecret = z.infer<typeof ConnectionSecret>;

/** The place that the sealed value is bound to (its AAD); it opens nowhere else. */
export function connectionSecretPlace(connectionId: string): string {
  return `connection_secret/${connectionId}`;
}
