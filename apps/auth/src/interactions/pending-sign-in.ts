import { createHash } from 'node:crypto';
import {
  deleteOidcPayload,
  findOidcPayload,
  takeOidcPayload,
  upsertOidcPayload,
  type Db,
} from '@conducktor/db';
import type { Vault } from '@conducktor/vault';

const KIND = 'PendingSignIn';
const SECONDS = 10 * 60;

/** The browser, by the random cookie that ties forms to it, and the sign-in under way if there is one. */
export interface Place {
  browser: string;
  flow: string | undefined;
}

/** Somebody whose first factor was right, and who is nobody yet. */
export interface PendingSignIn {
  accountId: string;
  amr: string[];
  /** The page that they came from, when it was not the sign-in page. */
  returnTo: string | undefined;
}

interface Deps {
  db: Db;
  vault: Vault;
}

/** Remembers for ten minutes that the first factor was right, in this browser and for this sign-in only. */
export async function putPending(deps: Deps, place: Place, pending: PendingSignIn): Promise<void> {
  const id = idOf(place);
  const { accountId, amr, returnTo } = pending;
  // Sealed: the address of an invitation holds its token.
  const sealed = returnTo && deps.vault.sealForInstall(aad(id), returnTo).toString('base64');
  await deleteOidcPayload(deps.db, KIND, id);
  await upsertOidcPayload(deps.db, {
    kind: KIND,
    id,
    payload: { accountId, amr, ...(sealed ? { returnTo: sealed } : {}) },
    expiresInSeconds: SECONDS,
  });
}

export async function findPending(deps: Deps, place: Place): Promise<PendingSignIn | undefined> {
  const found = await findOidcPayload(deps.db, KIND, idOf(place));
  return found && toPending(deps, idOf(place), found.payload);
}

/** Takes it for good; of two requests at once one gets it. */
export async function takePending(deps: Deps, place: Place): Promise<PendingSignIn | undefined> {
  const payload = await takeOidcPayload(deps.db, KIND, idOf(place));
  return payload && toPending(deps, idOf(place), payload);
}

function toPending(deps: Deps, id: string, payload: Record<string, unknown>): PendingSignIn {
  const sealed = payload['returnTo'];
  return {
    accountId: payload['accountId'] as string,
    amr: payload['amr'] as string[],
    returnTo:
      typeof sealed === 'string'
        ? deps.vault.openForInstall(aad(id), Buffer.from(sealed, 'base64')).toString('utf8')
        : undefined,
  };
}

// Hashed like every secret that a browser holds.
const idOf = ({ browser, flow }: Place) =>
  createHash('sha256')
    .update(JSON.stringify([browser, flow ?? '']))
    .digest('base64url');

const aad = (id: string) => `oidc_payload/${KIND}/${id}/returnTo`;
