export { CookieJar } from './cookie-jar.js';
export { FormBrowser, formsOf, type Form, type Page } from './form-browser.js';
export { MemoryOAuthProvider, signIn, type Person } from './sign-in.js';
