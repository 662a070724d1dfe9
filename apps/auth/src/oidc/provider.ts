import type { AuthConfig } from '@conducktor/config';
import { defaultResource, isMcpResource } from '@conducktor/identity';
import type { Logger } from '@conducktor/runtime';
import Provider, { errors, type Configuration, type JWK } from 'oidc-provider';
import { renderProblem, type ProviderPages } from './provider-pages.js';
import { createExtraClaims, createFindAccount } from './accounts.js';
import { ASSERTION_ALGORITHMS, AUTH_METHODS, offerAuthMethods } from './client-authentication.js';
import { mayUseConnectorRedirect, staticClients } from './clients.js';
import { renameForBrowser, type CookieNames } from './cookies.js';
import { createInteractionPolicy } from './interaction-policy.js';
import { isAllowedRedirect } from './redirects.js';
import { explainInitialAccessToken, registrationValidator } from './registration.js';
import { scopesOfResource, SUPPORTED_SCOPES } from './scopes.js';
import { createStorage, type StorageDeps } from './storage.js';

const DAY = 24 * 3600;
const REGISTER = '/oauth2/register';

export interface ProviderDeps extends StorageDeps {
  config: AuthConfig;
  signingKeys: object[];
  cookieKey: string;
  cookies: CookieNames;
  pages: ProviderPages;
  logger: Logger;
}

/** The OAuth 2.1 authorization server, at the paths and with the rules of CONTRACT.md. */
export function createProvider(deps: ProviderDeps): Provider {
  const { config, cookies } = deps;
  const provider = new Provider(config.PUBLIC_URL, configurationOf(deps));
  // The bridge sets these headers itself, from PUBLIC_URL.
  provider.proxy = true;
  provider.use(async (ctx, next) => {
    await next();
    const written = ctx.res.getHeader('set-cookie');
    if (ctx.path === REGISTER && ctx.status === 401) explainInitialAccessToken(ctx);
    if (Array.isArray(written)) ctx.res.setHeader('set-cookie', renameForBrowser(cookies, written));
  });
  const { redirectUriAllowed, postLogoutRedirectUriAllowed } = provider.Client.prototype;
  provider.Client.prototype.redirectUriAllowed = function (uri: string) {
    return redirectUriAllowed.call(this, uri) || mayUseConnectorRedirect(this, uri);
  };
  // Anybody may register a client; a link to sign out must not lead wherever one names.
  provider.Client.prototype.postLogoutRedirectUriAllowed = function (uri: string) {
    return (
      postLogoutRedirectUriAllowed.call(this, uri) &&
      isAllowedRedirect(uri, config.OAUTH_REDIRECT_ALLOW)
    );
  };
  offerAuthMethods(provider);
  provider.on('server_error', (_ctx, error: Error) => {
    deps.logger.error({ err: error }, 'An OAuth request failed inside this service');
  });
  return provider;
}

function configurationOf(deps: ProviderDeps): Configuration {
  const { config, pages } = deps;
  const cookie = {
    httpOnly: true,
    sameSite: 'lax',
    secure: config.PUBLIC_URL.startsWith('https:'),
    signed: true,
    path: '/',
  } as const;
  const accessTokenSeconds = config.ACCESS_TOKEN_EXPIRE_MINUTES * 60;

  return {
    adapter: createStorage(deps),
    clients: staticClients(config),
    jwks: { keys: deps.signingKeys as JWK[] },
    cookies: {
      keys: [deps.cookieKey],
      names: {
        session: deps.cookies.session,
        interaction: `${deps.cookies.flow}_i`,
        resume: deps.cookies.flow,
      },
      long: cookie,
      short: cookie,
    },

    scopes: SUPPORTED_SCOPES,
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    responseTypes: ['code'],
    pkce: { required: () => true },
    clientAuthMethods: AUTH_METHODS,
    clientDefaults: {
      // Programs on people's machines: loopback on any port (RFC 8252), private schemes.
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    },
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256'],
      clientAuthSigningAlgValues: [...ASSERTION_ALGORITHMS],
    },
    allowOmittingSingleRegisteredRedirectUri: false,
    clockTolerance: 5,
    extraClientMetadata: {
      properties: ['conducktor'],
      validator: registrationValidator(config.OAUTH_REDIRECT_ALLOW),
    },

    ttl: {
      AuthorizationCode: 10 * 60,
      AccessToken: accessTokenSeconds,
      IdToken: 3600,
      RefreshToken: config.REFRESH_TOKEN_EXPIRE_DAYS * DAY,
      // Rotation may go on for a year; then the person is asked again.
      Grant: 365 * DAY,
      Interaction: 3600,
      Session: 14 * DAY,
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    // Signing out of the browser does not disconnect clients: that is done by revoking.
    expiresWithSession: async () => false,
    revokeGrantPolicy: () => true,
    // An authorization never leans on an earlier one; see the interaction policy.
    loadExistingGrant: async (ctx) => {
      const grantId = ctx.oidc.result?.consent?.grantId;
      return grantId ? ctx.oidc.provider.Grant.find(grantId) : undefined;
    },
    findAccount: createFindAccount(deps),
    extraTokenClaims: createExtraClaims(deps),

    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      userinfo: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
      },
      revocation: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
      },
      registration: {
        enabled: config.DCR_MODE !== 'off',
        initialAccessToken: config.DCR_MODE === 'token',
        issueRegistrationAccessToken: false,
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => defaultResource(config.PUBLIC_URL),
        useGrantedResource: async () => true,
        getResourceServerInfo: async (ctx, resource) => {
          if (Array.isArray(ctx.oidc.params?.['resource'])) {
            throw new errors.InvalidTarget('ask for one resource at a time');
          }
          if (!isMcpResource(config.PUBLIC_URL, resource)) {
            throw new errors.InvalidTarget(
              `the resources of this server are ${defaultResource(config.PUBLIC_URL)} and its toolsets`,
            );
          }
          return {
            scope: scopesOfResource(
              ctx.oidc.params?.['scope'] as string | undefined,
              ctx.oidc.entities.Grant?.getResourceScope(resource),
            ),
            audience: resource,
            accessTokenTTL: accessTokenSeconds,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          };
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: pages.logout,
        postLogoutSuccessSource: pages.loggedOut,
      },
    },
    discovery: {
      // Not by oidc-provider's own feature: docs/adr/0019-metadata-documents-are-clients-of-the-store.md.
      client_id_metadata_document_supported: true,
      revocation_endpoint_auth_methods_supported: AUTH_METHODS,
      introspection_endpoint_auth_methods_supported: AUTH_METHODS,
    },
    routes: {
      authorization: '/oauth2/authorize',
      token: '/oauth2/token',
      registration: REGISTER,
      revocation: '/oauth2/revoke',
      introspection: '/oauth2/introspect',
      userinfo: '/oauth2/userinfo',
      end_session: '/oauth2/logout',
      jwks: '/.well-known/jwks.json',
    },
    interactions: {
      policy: createInteractionPolicy(),
      url: (_ctx, interaction) =>
        `/${interaction.prompt.name === 'login' ? 'login' : 'consent'}?flow=${interaction.uid}`,
    },
    renderError: renderProblem(pages),
    // Tokens are sent, not cookies, so an origin gains nothing by being allowed; it must hold the code.
    clientBasedCORS: () => true,
    // What clients publish is fetched by the storage (client-storage.ts), which knows bounds and limits.
    fetch: async () => {
      throw new Error('oidc-provider makes no outgoing requests here.');
    },
  };
}
