import type { AuthConfig } from '@conducktor/config';
import { normaliseScopes } from '@conducktor/identity';
import type { ClientMetadata } from 'oidc-provider';
import { CHATGPT_REDIRECTS, isChatGptConnectorRedirect, isLoopbackRedirect } from './redirects.js';
import { IDENTITY_SCOPES, SUPPORTED_SCOPES } from './scopes.js';

export const STANDING_CLIENT_ID = 'chatgpt-mcp-client';

/** Clients that exist without registering: ChatGPT's standing one and the operator's own. */
export function staticClients(config: AuthConfig): ClientMetadata[] {
  const standing: ClientMetadata = {
    client_id: STANDING_CLIENT_ID,
    client_name: 'ChatGPT',
    token_endpoint_auth_method: 'none',
    redirect_uris: [...CHATGPT_REDIRECTS],
  };
  const id = config.OAUTH_CLIENT_ID;
  if (!id) return [standing];
  const own = ownClient(id, config);
  return id === STANDING_CLIENT_ID ? [own] : [standing, own];
}

function ownClient(id: string, config: AuthConfig): ClientMetadata {
  const addresses = config.OAUTH_REDIRECT_URI;
  const unusable = addresses.find((address) => !URL.canParse(address));
  if (unusable) throw new Error(`OAUTH_REDIRECT_URI holds ${unusable}, which is not an address.`);
  const scopes = normaliseScopes(config.OAUTH_SCOPE).filter((scope) =>
    (SUPPORTED_SCOPES as readonly string[]).includes(scope),
  );
  return {
    client_id: id,
    client_name: id,
    ...(config.OAUTH_CLIENT_SECRET
      ? {
          client_secret: config.OAUTH_CLIENT_SECRET,
          token_endpoint_auth_method: 'client_secret_basic',
        }
      : { token_endpoint_auth_method: 'none' }),
    // Someone who sets up ChatGPT with a client of their own need not know its callbacks.
    redirect_uris: addresses.length > 0 ? addresses : [...CHATGPT_REDIRECTS],
    // A web application may answer on plain http inside a company; a program may not.
    application_type: addresses.some(isWebAddress) ? 'web' : 'native',
    scope: [...new Set([...IDENTITY_SCOPES, ...scopes])].join(' '),
  };
}

const isWebAddress = (address: string) => /^https?:/i.test(address) && !isLoopbackRedirect(address);

/**
 * Whether a client whose addresses are ChatGPT's also answers to the callback that ChatGPT makes per
 * connector: its last part cannot be known beforehand.
 */
export function mayUseConnectorRedirect(
  client: { redirectUris?: readonly string[] | undefined; conducktor?: unknown },
  uri: string,
): boolean {
  return (
    isChatGptConnectorRedirect(uri) &&
    // A document says all addresses itself, and can be read again.
    client.conducktor === undefined &&
    client.redirectUris?.includes(CHATGPT_REDIRECTS[0]) === true
  );
}
