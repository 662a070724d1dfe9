import {
  consumeOidcPayload,
  deleteOidcPayload,
  deleteOidcPayloadsOfGrant,
  findLiveGrant,
  findOidcPayload,
  insertOidcPayload,
  revokeGrant,
  upsertOidcPayload,
  type Db,
} from '@conducktor/db';
import { hashedId } from '@conducktor/identity';
import type { Vault } from '@conducktor/vault';
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import {
  clientsOf,
  initialAccessTokensOf,
  type ClientStorageDeps,
  type Rows,
} from './client-storage.js';
import type { StructuredTokens } from './structured-tokens.js';

// Their id is the secret itself: who reads the table must not be able to use it.
const BEARER_KINDS = new Set([
  'Session',
  'AuthorizationCode',
  'RefreshToken',
  'RegistrationAccessToken',
]);

export interface StorageDeps extends ClientStorageDeps {
  vault: Vault;
  structuredTokens: StructuredTokens;
}

/**
 * oidc-provider's storage on the table oidc_payload. Access tokens are JWTs and never stored; a Grant
 * lives and dies with its row in oauth_grant, so that revoking either revokes both.
 */
export function createStorage(deps: StorageDeps): (kind: string) => Adapter {
  return (kind) => {
    if (kind === 'AccessToken') return deps.structuredTokens.adapter;
    const rows = rowsOf(deps, kind);
    switch (kind) {
      case 'Grant':
        return grantsOf(deps.db, rows);
      case 'Client':
        return clientsOf(deps, rows);
      case 'InitialAccessToken':
        return initialAccessTokensOf(deps.db, rows);
      case 'ReplayDetection':
        return usedOnce(deps.db, rows);
      default:
        return rows;
    }
  };
}

function rowsOf({ db, vault }: StorageDeps, kind: string): Rows {
  const isBearer = BEARER_KINDS.has(kind);
  const rowId = (id: string) => (isBearer ? hashedId(id) : id);
  const secretPlace = (id: string) => `oidc_payload/Client/${id}/client_secret`;

  const toRow = (id: string, payload: AdapterPayload): Record<string, unknown> => {
    const { jti, client_secret: secret, ...row } = payload as Record<string, unknown>;
    if (!isBearer && jti !== undefined) row['jti'] = jti;
    if (typeof secret === 'string') {
      row['sealed_secret'] = vault.sealForInstall(secretPlace(id), secret).toString('base64');
    }
    // An interaction remembers the session's cookie, which would undo the hashing of Session rows.
    const session = row['session'] as Record<string, unknown> | undefined;
    if (kind === 'Interaction' && session) row['session'] = { ...session, cookie: undefined };
    return row;
  };
  const fromRow = (id: string, row: Record<string, unknown>): AdapterPayload => {
    const { sealed_secret: sealed, ...payload } = row;
    if (isBearer) payload['jti'] = id;
    if (typeof sealed === 'string') {
      const box = Buffer.from(sealed, 'base64');
      payload['client_secret'] = vault.openForInstall(secretPlace(id), box).toString('utf8');
    }
    return payload as AdapterPayload;
  };

  return {
    toRow: (id, payload) => {
      const row = toRow(id, payload);
      refuseUnstorable(row);
      return row;
    },
    async upsert(id, payload, expiresIn) {
      const row = toRow(id, payload);
      refuseUnstorable(row);
      await upsertOidcPayload(db, {
        kind,
        id: rowId(id),
        payload: row,
        grantId: payload.grantId,
        uid: payload.uid,
        expiresInSeconds: expiresIn,
      });
    },
    async find(id) {
      const found = await findOidcPayload(db, kind, rowId(id));
      if (!found) return undefined;
      const payload = fromRow(id, found.payload);
      if (found.consumedAt) payload.consumed = Math.floor(found.consumedAt.getTime() / 1000);
      return payload;
    },
    async findByUid(uid) {
      const found = await findOidcPayload(db, kind, uid, 'uid');
      return found && (found.payload as AdapterPayload);
    },
    // The device flow is off.
    findByUserCode: async () => undefined,
    async consume(id) {
      // Of two requests that carry the same code or refresh token at once, one gets the answer.
      if (await consumeOidcPayload(db, kind, rowId(id))) return;
      // Both had it, so one stole it, and nobody knows which: neither goes on.
      const used = await findOidcPayload(db, kind, rowId(id));
      if (typeof used?.payload['grantId'] === 'string') {
        await revokeGrant(db, used.payload['grantId']);
      }
      throw new errors.InvalidGrant('it was used at the same moment by another request');
    },
    destroy: (id) => deleteOidcPayload(db, kind, rowId(id)),
    revokeByGrantId: (grantId) => deleteOidcPayloadsOfGrant(db, kind, grantId),
  };
}

/** Of several requests that carry the same signed assertion at once, one gets the answer. */
function usedOnce(db: Db, rows: Rows): Adapter {
  return {
    ...rows,
    async upsert(id, payload, expiresInSeconds) {
      const row = {
        kind: 'ReplayDetection',
        id,
        payload: rows.toRow(id, payload),
        expiresInSeconds,
      };
      if (!(await insertOidcPayload(db, row))) {
        throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
      }
    },
  };
}

function grantsOf(db: Db, rows: Adapter): Adapter {
  return {
    ...rows,
    find: async (id) => ((await findLiveGrant(db, id)) ? rows.find(id) : undefined),
    async destroy(id) {
      await revokeGrant(db, id);
      await rows.destroy(id);
    },
  };
}

// Postgres holds no NUL and no lone surrogate; whoever sends one gets an answer instead of a failure.
function refuseUnstorable(row: Record<string, unknown>): void {
  if (/\\u(?:0000|d[89a-f][0-9a-f]{2})/i.test(JSON.stringify(row))) {
    throw new errors.InvalidRequest('the request contains characters that are not text');
  }
}
