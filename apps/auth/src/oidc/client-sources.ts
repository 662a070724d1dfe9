import type { AuthConfig } from '@conducktor/config';
import type { Db } from '@conducktor/db';
import { createOutbound, type Outbound } from '@conducktor/outbound';
import type { Logger } from '@conducktor/runtime';
import {
  createClientDocuments,
  type ClientDocuments,
} from './client-documents/client-documents.js';
import { createFetchJson } from './client-documents/fetch-json.js';
import { createKeySets, type KeySets } from './client-documents/key-sets.js';

/** What is known of clients from elsewhere than our own tables. */
export interface ClientSources {
  documents: ClientDocuments;
  keySets: KeySets;
  close(): Promise<void>;
}

/**
 * Metadata documents and key sets of clients, fetched through the one guarded way out. `outbound`: for
 * tests, in place of the one that OUTBOUND_ALLOW and OUTBOUND_DENY_PORTS describe; its owner closes it.
 */
export function openClientSources(deps: {
  config: AuthConfig;
  db: Db;
  logger: Logger;
  outbound?: Outbound | undefined;
}): ClientSources {
  const { config, db, logger } = deps;
  const outbound = deps.outbound ?? ownOutbound(config);
  const fetchJson = createFetchJson(outbound);
  return {
    documents: createClientDocuments({
      db,
      fetchJson,
      allowedRedirects: config.OAUTH_REDIRECT_ALLOW,
      logger,
    }),
    keySets: createKeySets({ db, fetchJson }),
    close: async () => {
      if (!deps.outbound) await outbound.close();
    },
  };
}

function ownOutbound(config: AuthConfig): Outbound {
  return createOutbound({
    allow: config.OUTBOUND_ALLOW,
    denyPorts: [...config.OUTBOUND_DENY_PORTS, config.PORT],
    connections: 4,
    connectTimeoutMs: 2_000,
    headersTimeoutMs: 3_000,
    bodyTimeoutMs: 3_000,
    maxResponseBytes: 256 * 1024,
  });
}
