import {
  registerClient,
  resolveClientMetadata,
  type FetchLike,
  type OAuthClientMetadata,
  type StoredOAuthClientInformation,
} from '@modelcontextprotocol/client';
import type { CredentialStore } from './credential-store.js';
import type { Discovered } from './discover.js';
import { OAuthRefusal } from './refusal.js';

export interface Identity {
  redirectUrl: string;
  /** What is registered where nothing else serves. */
  metadata: OAuthClientMetadata;
  /** Where this client's metadata document is, which is then its id. */
  metadataUrl?: string | undefined;
  /** Whether token requests are signed, so that the document need not be that of a public client. */
  signs: boolean;
  /** Credentials that a person entered, each for one issuer and no other. */
  preRegistered?: ReadonlyMap<string, StoredOAuthClientInformation> | undefined;
}

/**
 * Who this client is at an authorization server, in the order of MCP's "Client Registration
 * Approaches": what was registered by hand for this issuer, the metadata document where the server
 * takes them, and what was registered there before. Undefined when it is nobody there yet.
 */
export async function identityAt(
  at: Discovered,
  { identity, store }: { identity: Identity; store: CredentialStore },
): Promise<StoredOAuthClientInformation | undefined> {
  const byHand = identity.preRegistered?.get(at.issuer);
  if (byHand) return byHand;
  if (identity.metadataUrl !== undefined && takesDocument(at, identity.signs))
    return { client_id: identity.metadataUrl };
  const known = await store.client(at.issuer);
  return known && stillUsable(known, identity.redirectUrl) ? known : undefined;
}

/**
 * Registers this client (RFC 7591) and keeps the result for this issuer.
 * @throws OAuthRefusal `no_client`; RegistrationRejectedError of the SDK
 */
export async function register(
  at: Discovered,
  scope: string | undefined,
  deps: { identity: Identity; store: CredentialStore; fetch: FetchLike },
): Promise<StoredOAuthClientInformation> {
  const { identity, store, fetch } = deps;
  const metadata = at.authorizationServerMetadata;
  if (metadata && !metadata.registration_endpoint) {
    throw new OAuthRefusal(
      'no_client',
      `${at.issuer} registers no clients by itself; enter a client id that its operator gave you.`,
    );
  }
  const { redirectUrl, metadata: clientMetadata } = identity;
  const registered = await registerClient(at.authorizationServerUrl, {
    ...(metadata && { metadata }),
    clientMetadata: resolveClientMetadata({ clientMetadata, redirectUrl }),
    ...(scope !== undefined && { scope }),
    fetchFn: fetch,
  });
  await store.saveClient(at.issuer, registered);
  return registered;
}

/** A client that signs nothing is a public one, which the server must let in. */
function takesDocument({ authorizationServerMetadata: metadata }: Discovered, signs: boolean) {
  if (metadata?.client_id_metadata_document_supported !== true) return false;
  const methods = metadata.token_endpoint_auth_methods_supported;
  return signs || methods === undefined || methods.includes('none');
}

function stillUsable(client: StoredOAuthClientInformation, redirectUrl: string): boolean {
  const { redirect_uris: redirects } = client as { redirect_uris?: string[] };
  const { client_secret_expires_at: expires } = client;
  if (redirects && !redirects.includes(redirectUrl)) return false;
  return !expires || expires * 1000 > Date.now();
}
