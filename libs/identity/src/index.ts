export { DEFAULT_SCOPE, MCP_SCOPES, normaliseScopes } from './scopes.js';
export {
  MCP_ALIASES,
  audiencesOf,
  defaultResource,
  isMcpResource,
  slugOfResource,
} from './resources.js';
export { mintApiKey, parseApiKey, type MintedApiKey } from './api-key.js';
export {
  hashInitialAccessToken,
  mintInitialAccessToken,
  type MintedInitialAccessToken,
} from './initial-access-token.js';
export { hashInvitation, mintInvitation, type MintedInvitation } from './invitation-token.js';
export { createVerifier, type ApiKeyClaims, type TokenClaims, type Verifier } from './verifier.js';
export {
  cookieNames,
  hashedId,
  readCookies,
  sameText,
  sessionCsrf,
  signCookie,
  signedCookie,
  type CookieNames,
} from './browser-session.js';
export { networkOf } from './network.js';
export { PUBLISH_MS, VERIFY_MS, makeSigningKey, signingKeyPlace } from './make-signing-key.js';
