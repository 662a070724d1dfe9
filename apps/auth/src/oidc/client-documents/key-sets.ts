import { takeAttempt, type Db } from '@conducktor/db';
import { addressKey, DOCUMENT_FETCHES } from '../../accounts/limits.js';
import { FetchFailure } from './fetch-failure.js';
import type { FetchJson } from './fetch-json.js';
import { publicKeys } from './read-document.js';
import { Remembered, type Known } from './remembered.js';

const MAX_BYTES = 64 * 1024;
/** A key that its owner has withdrawn is good for an hour at most. */
const FRESH = { min: 60, max: 3600 };
/** So soon a set is fetched again for a key that it does not have. */
const AGAIN_MS = 10_000;

type KeySet = ReturnType<typeof publicKeys>;

export interface KeySets {
  /**
   * The public keys at `uri`, fetched when they are not known, no longer fresh, or without `kid`.
   * Throws FetchFailure.
   */
  find(uri: string, kid: string | undefined, ip: string | undefined): Promise<KeySet>;
}

/** Key sets of clients that sign (RFC 7523 section 2.2) and publish their keys at an address. */
export function createKeySets(deps: { db: Db; fetchJson: FetchJson }): KeySets {
  const remembered = new Remembered<KeySet>(1_000);

  return {
    async find(uri, kid, ip) {
      const known = remembered.fresh(uri);
      if (known && !isMissing(known, kid)) return known.value;
      if (ip !== undefined && !remembered.isUnderWay(uri)) {
        const wait = await takeAttempt(
          deps.db,
          addressKey('client-document', ip),
          DOCUMENT_FETCHES,
        );
        if (wait > 0) {
          if (known) return known.value;
          const reason = 'too many were asked for from your address';
          throw new FetchFailure(reason, 'passing', wait / 1000);
        }
      }
      try {
        return (await remembered.load(uri, () => fetchKeys(uri))).value;
      } catch (error) {
        // Anybody can name a key that is not there: that costs nobody the keys that are.
        if (!known || !(error instanceof FetchFailure) || error.kind === 'lasting') throw error;
        remembered.keep(uri, { ...known, fetchedAt: Date.now() });
        return known.value;
      }
    },
  };

  async function fetchKeys(uri: string): Promise<Known<KeySet>> {
    const fetched = await deps.fetchJson(uri, { maxBytes: MAX_BYTES, fresh: FRESH });
    const fetchedAt = Date.now();
    return {
      value: publicKeys(fetched.value),
      fetchedAt,
      freshUntil: fetchedAt + fetched.freshSeconds * 1000,
    };
  }
}

/** Its owner may have begun to sign with a new key since the set was fetched. */
function isMissing({ value, fetchedAt }: Known<KeySet>, kid: string | undefined): boolean {
  return (
    kid !== undefined &&
    fetchedAt + AGAIN_MS < Date.now() &&
    !value.keys.some((key) => key['kid'] === kid)
  );
}
