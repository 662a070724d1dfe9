import { touchApiKey, type Db } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';

/** A key's use is written at most this often; its count is then up to so much behind. */
const EVERY_MS = 60_000;
const MOST_KEYS = 10_000;

interface Use {
  tenantId: string;
  keyId: string;
  memberId: string;
  ip: string;
}

export interface KeyUse {
  /** Notes one request. Never throws: nothing is decided by it. */
  note(use: Use): Promise<void>;
}

/** When keys were last used for the REST API, for the lists that people look at. */
export function createKeyUse(deps: { db: Db; logger: Logger; now?: () => number }): KeyUse {
  const now = deps.now ?? Date.now;
  const uses = new Map<string, { writtenAt: number; requests: number }>();
  return {
    async note(use) {
      const known = uses.get(use.keyId);
      const requests = (known?.requests ?? 0) + 1;
      if (known && now() - known.writtenAt < EVERY_MS) {
        known.requests = requests;
        return;
      }
      if (!known && uses.size >= MOST_KEYS) uses.delete(uses.keys().next().value!);
      uses.set(use.keyId, { writtenAt: now(), requests: 0 });
      try {
        await touchApiKey(deps.db, { ...use, requests });
      } catch (error) {
        deps.logger.warn({ err: error }, 'The use of a key was not noted');
      }
    },
  };
}
