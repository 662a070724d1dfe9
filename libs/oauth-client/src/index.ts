export { authorizedFetch, type Browser } from './authorized-fetch.js';
export { CookieJar } from './cookie-jar.js';
export { MemoryCredentials, type CredentialStore } from './credential-store.js';
export { FormBrowser, formsOf, type Form, type Page } from './form-browser.js';
export {
  createOAuthClient,
  type Challenge,
  type OAuthClient,
  type OAuthClientOptions,
  type Pending,
} from './oauth-client.js';
export { OAuthRefusal, type OAuthRefusalCode } from './refusal.js';
export { MemoryOAuthProvider, signIn, type Person } from './sign-in.js';
