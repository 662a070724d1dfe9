import {
  findInitialAccessToken,
  insertRegisteredClient,
  makeRoomForClient,
  recordControlEvent,
  useInitialAccessToken,
  type Db,
} from '@conducktor/db';
import { hashInitialAccessToken } from '@conducktor/identity';
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import { isUrlLike } from './client-documents/document-url.js';
import type { ClientDocuments } from './client-documents/client-documents.js';
import { FetchFailure } from './client-documents/fetch-failure.js';
import type { KeySets } from './client-documents/key-sets.js';
import { assertionOf, currentRequest, unverifiedKid } from './client-authentication.js';
import { MAX_UNUSED_CLIENTS, UNUSED_CLIENT_SECONDS } from './unused-clients.js';

/** How a sentence begins that says why a metadata document could not be used. */
export const UNUSABLE_DOCUMENT = 'the metadata document of the app';

/** Rows of one kind in oidc_payload. */
export interface Rows extends Adapter {
  /** A payload as it is stored, secrets sealed. Throws for what Postgres cannot hold. */
  toRow(id: string, payload: AdapterPayload): Record<string, unknown>;
}

export interface ClientStorageDeps {
  db: Db;
  documents: ClientDocuments;
  keySets: KeySets;
}

/**
 * Clients: registered ones are rows, those whose id is a URL are what their document says. Keys at an
 * address are put in place of it, when a request needs them, so that oidc-provider fetches nothing.
 */
export function clientsOf(deps: ClientStorageDeps, rows: Rows): Adapter {
  return {
    ...rows,
    async find(id) {
      const ctx = currentRequest();
      const client = isUrlLike(id)
        ? await deps.documents.find(id, ctx?.ip).catch((error: unknown) => {
            throw refusal(error, `${UNUSABLE_DOCUMENT} at ${hostOf(id)}`);
          })
        : await rows.find(id);
      const assertion = assertionOf(ctx);
      if (!client || client['jwks_uri'] === undefined || assertion === undefined) return client;
      const { jwks_uri: uri, ...rest } = client as AdapterPayload & { jwks_uri: string };
      const jwks = await deps.keySets
        .find(uri, unverifiedKid(assertion), ctx?.ip)
        .catch((error: unknown) => {
          throw refusal(error, 'the keys of the app at its jwks_uri');
        });
      return { ...rest, jwks } as AdapterPayload;
    },
    async upsert(id, payload) {
      if (!(await makeRoomForClient(deps.db, MAX_UNUSED_CLIENTS, UNUSED_CLIENT_SECONDS))) {
        throw unavailable(
          'too many apps have registered within an hour without being used; try again later, or ask the operator for an initial access token',
          3600,
        );
      }
      const client = { id, payload: rows.toRow(id, payload), seconds: UNUSED_CLIENT_SECONDS };
      const token = currentRequest()?.oidc?.entities.InitialAccessToken;
      if (!token) return insertRegisteredClient(deps.db.pool, client);
      await registerWithToken(deps.db, token.jti, client, payload);
    },
  };
}

/** One client for one token, however many come with it at once, and a record of it. */
async function registerWithToken(
  db: Db,
  value: string,
  client: Parameters<typeof insertRegisteredClient>[1],
  { client_name: clientName, redirect_uris: redirectUris }: AdapterPayload,
): Promise<void> {
  const token = await openToken(db, value);
  if (!token) throw usedAlready();
  await db.withTenant(token.tenantId, async (tx) => {
    const memberId = await useInitialAccessToken(tx, token.id, client.id);
    if (!memberId) throw usedAlready();
    await insertRegisteredClient(tx, client);
    await recordControlEvent(tx, {
      action: 'initial-access-token.use',
      memberId,
      actor: 'registration',
      clientId: client.id,
      tokenId: token.id,
      clientName: clientName ?? null,
      redirectUris: redirectUris ?? [],
    });
  });
}

/** Initial access tokens, which the control plane makes. They are used up with the client, not here. */
export function initialAccessTokensOf(db: Db, rows: Adapter): Adapter {
  return {
    ...rows,
    async find(value) {
      const found = await openToken(db, value);
      if (!found) return undefined;
      return {
        kind: 'InitialAccessToken',
        jti: value,
        iat: Math.floor(found.createdAt.getTime() / 1000),
        exp: Math.floor(found.expiresAt.getTime() / 1000),
      } as AdapterPayload;
    },
  };
}

async function openToken(db: Db, value: string) {
  const hash = hashInitialAccessToken(value);
  return hash && (await findInitialAccessToken(db, hash));
}

const usedAlready = () => new errors.InvalidToken('the initial access token was used already');

function refusal(error: unknown, what: string): unknown {
  if (!(error instanceof FetchFailure)) return error;
  const sentence = `${what} could not be used: ${error.reason}`;
  return error.kind === 'lasting'
    ? new errors.InvalidClient(sentence)
    : unavailable(sentence, error.retryAfter ?? 10);
}

/** Not the client's fault: it should keep what it has and come again (RFC 9110 section 15.6.4). */
function unavailable(sentence: string, retryAfter: number): Error {
  currentRequest()?.set('retry-after', String(Math.ceil(retryAfter)));
  return Object.assign(new errors.TemporarilyUnavailable(sentence), {
    status: 503,
    statusCode: 503,
    expose: true,
  });
}

/** For a sentence that a stranger's client id is part of: nothing but a host name. */
function hostOf(id: string): string {
  const host = URL.parse(id)?.host ?? '';
  return /^[\w.:[\]-]{1,255}$/.test(host) ? host : 'this address';
}
