import {
  findOidcPayload,
  keepClientDocument,
  makeRoomForClient,
  takeAttempt,
  type Db,
} from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import type { AdapterPayload } from 'oidc-provider';
import { addressKey, DOCUMENT_FETCHES } from '../../accounts/limits.js';
import { MAX_UNUSED_CLIENTS, UNUSED_CLIENT_SECONDS } from '../unused-clients.js';
import { refuseDocumentUrl } from './document-url.js';
import { FetchFailure } from './fetch-failure.js';
import type { FetchJson } from './fetch-json.js';
import { readDocument } from './read-document.js';
import { Remembered, type Known } from './remembered.js';

const MAX_BYTES = 16 * 1024;
const FRESH = { min: 60, max: 24 * 3600 };
/** A document whose address is silent for the moment is used for so long after it was fetched. */
const STALE_MS = 2 * 24 * 3600_000;
/** A document that nobody has allowed is forgotten after this time. */
const UNUSED_SECONDS = 24 * 3600;

export interface ClientDocuments {
  /**
   * The client whose id is `url`, as its document says. `ip`: on whose behalf, where that is known.
   * Throws FetchFailure.
   */
  find(url: string, ip: string | undefined): Promise<AdapterPayload>;
}

export interface ClientDocumentsDeps {
  db: Db;
  fetchJson: FetchJson;
  allowedRedirects: readonly string[];
  logger: Logger;
}

/**
 * Client id metadata documents (draft-ietf-oauth-client-id-metadata-document), fetched when they are
 * not known and read again when they are no longer fresh. What was fetched is in the table of clients
 * too: for other replicas, and for the time in which its address does not answer.
 */
export function createClientDocuments(deps: ClientDocumentsDeps): ClientDocuments {
  const remembered = new Remembered<AdapterPayload>(1_000);

  return {
    async find(url, ip) {
      const refused = refuseDocumentUrl(url);
      if (refused) throw new FetchFailure(refused, 'lasting');
      const known = remembered.fresh(url);
      if (known) return known.value;
      const stored = await readStored(deps.db, url);
      if (stored && stored.freshUntil > Date.now()) {
        remembered.keep(url, stored);
        return stored.value;
      }
      try {
        await takeFetch(deps.db, remembered, url, ip);
        // Somebody else may have fetched it while this request looked and counted.
        const meanwhile = remembered.fresh(url);
        if (meanwhile) return meanwhile.value;
        return (await remembered.load(url, () => fetchDocument(deps, url))).value;
      } catch (error) {
        const usable = stored !== undefined && stored.fetchedAt + STALE_MS > Date.now();
        if (!usable || !(error instanceof FetchFailure) || error.kind === 'lasting') throw error;
        remembered.keep(url, { ...stored, freshUntil: Date.now() + FRESH.min * 1000 });
        return stored.value;
      }
    },
  };
}

async function takeFetch(
  db: Db,
  remembered: Remembered<unknown>,
  url: string,
  ip: string | undefined,
): Promise<void> {
  if (ip === undefined || remembered.isUnderWay(url)) return;
  const wait = await takeAttempt(db, addressKey('client-document', ip), DOCUMENT_FETCHES);
  if (wait === 0) return;
  throw new FetchFailure('too many were asked for from your address', 'passing', wait / 1000);
}

async function fetchDocument(
  { db, fetchJson, allowedRedirects, logger }: ClientDocumentsDeps,
  url: string,
): Promise<Known<AdapterPayload>> {
  const fetched = await fetchJson(url, { maxBytes: MAX_BYTES, fresh: FRESH });
  const fetchedAt = Date.now();
  const known: Known<AdapterPayload> = {
    value: readDocument(url, fetched.value, allowedRedirects),
    fetchedAt,
    freshUntil: fetchedAt + fetched.freshSeconds * 1000,
  };
  try {
    // Without room it is fetched more often, which hinders nobody.
    if (await makeRoomForClient(db, MAX_UNUSED_CLIENTS, UNUSED_CLIENT_SECONDS)) {
      await keepClientDocument(db, { url, payload: { ...known }, seconds: UNUSED_SECONDS });
    }
  } catch (error) {
    logger.warn({ err: error }, "A client's metadata document could not be stored");
  }
  return known;
}

async function readStored(db: Db, url: string): Promise<Known<AdapterPayload> | undefined> {
  const row = await findOidcPayload(db, 'Client', url);
  return row && (row.payload as unknown as Known<AdapterPayload>);
}
