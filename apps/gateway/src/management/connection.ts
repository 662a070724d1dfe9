import { MANAGEMENT_CONNECTION } from '@conducktor/contracts';
import type { ConnectionEntry } from '../workspace/types.js';

// Nothing that these tools do waits for an upstream.
const TIMEOUT_MS = 15_000;

/**
 * Conducktor itself, as policies and records name it: the connection of the management tools. No row
 * stands behind it, and no view lists it. `tools` is filled by `tools.ts`.
 */
export const MANAGEMENT: ConnectionEntry = {
  id: MANAGEMENT_CONNECTION,
  slug: MANAGEMENT_CONNECTION,
  timeoutMs: TIMEOUT_MS,
  revision: 0,
  capabilities: {},
  tools: [],
};

export function isManagement(connection: ConnectionEntry): boolean {
  return connection === MANAGEMENT;
}
