import { createServer, type AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { authEnv, loadConfig, type AuthConfig } from '@conducktor/config';
import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { FormBrowser, type Form, type Page } from '@conducktor/oauth-client';
import type { Outbound } from '@conducktor/outbound';
import { createTestDatabase, type TestDatabase } from '@conducktor/testing';
import * as oauth from 'openid-client';
import { createApp } from '../src/create-app.js';
import type { KeyTimes } from '../src/oidc/signing-keys.js';

export const CALLBACK = 'http://127.0.0.1:3999/callback';

export interface AuthService {
  origin: string;
  database: TestDatabase;
  db: Db;
  /** As superuser, to look at what was written. */
  admin: Db;
  config: AuthConfig;
  /** Ends the service and starts it anew on the same port, database and secrets. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The auth service on a port and a database of its own. */
export async function startAuth(
  env: Record<string, string> = {},
  options: { keyTimes?: KeyTimes; outbound?: Outbound } = {},
): Promise<AuthService> {
  const database = await createTestDatabase();
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const config = loadConfig(authEnv, {
    PUBLIC_URL: origin,
    PORT: String(port),
    ENVIRONMENT: 'embedded',
    SECRET_KEY: randomBytes(32).toString('base64url'),
    DATABASE_URL: database.urlFor('conducktor_auth'),
    REDIS_URL: database.redisUrl,
    ...env,
  });
  const db = createDb(config.DATABASE_URL);
  const admin = createDb(database.adminUrl, { max: 2 });
  const start = async () => {
    const app = await createApp({ config, db, logger: createLogger('auth', 'fatal'), ...options });
    await app.listen(port, '127.0.0.1');
    return app;
  };
  let app = await start();
  return {
    origin,
    database,
    db,
    admin,
    config,
    restart: async () => {
      await app.close();
      app = await start();
    },
    stop: async () => {
      await app.close();
      await Promise.all([db.end(), admin.end()]);
      await database.drop();
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

export const PASSWORD = 'correct horse battery';

/** A page that must not have left this origin. */
export function stayed(page: Page | { leftFor: URL }): Page {
  if ('leftFor' in page) throw new Error(`The browser left for ${page.leftFor.href}`);
  return page;
}

/** The address outside that the browser was sent to. */
export function left(page: Page | { leftFor: URL }): URL {
  if (!('leftFor' in page)) throw new Error(`The browser stayed at ${page.url}: ${page.html}`);
  return page.leftFor;
}

export function formTo(page: Page, path: string): Form {
  const form = page.forms.find(({ action }) => new URL(action).pathname === path);
  if (!form)
    throw new Error(`There is no form to ${path} at ${page.url} (${page.status}): ${page.html}`);
  return form;
}

/** Signs up by the page; the browser is signed in afterwards. Returns the address. */
export async function signUp(
  service: AuthService,
  browser: FormBrowser = new FormBrowser(service.origin),
  workspace = 'Acme',
): Promise<string> {
  const email = `p${randomBytes(5).toString('hex')}@example.com`;
  const page = stayed(await browser.open('/signup'));
  const done = stayed(
    await browser.submit(formTo(page, '/signup'), {
      name: 'Pat Example',
      workspace,
      email,
      password: PASSWORD,
    }),
  );
  if (done.status !== 200) throw new Error(`Sign-up failed: ${done.html}`);
  return email;
}

/** Discovery and registration, as a client does that knows only the issuer. */
export async function register(
  service: AuthService,
  metadata: Partial<oauth.ClientMetadata> = {},
): Promise<oauth.Configuration> {
  return oauth.dynamicClientRegistration(
    new URL(service.origin),
    {
      client_name: 'Test client',
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: 'none',
      ...metadata,
    },
    metadata.token_endpoint_auth_method === 'client_secret_post' ? undefined : oauth.None(),
    { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] },
  );
}

export interface Authorization {
  url: URL;
  verifier: string;
  state: string;
}

export async function authorization(
  client: oauth.Configuration,
  params: Record<string, string | undefined> = {},
): Promise<Authorization> {
  const verifier = oauth.randomPKCECodeVerifier();
  const state = oauth.randomState();
  const url = oauth.buildAuthorizationUrl(client, {
    redirect_uri: CALLBACK,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  });
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return { url, verifier, state };
}

/** Opens the authorization in a browser that is signed in and allows it; returns the answer's address. */
export async function allow(
  browser: FormBrowser,
  { url }: Authorization,
  fields: Record<string, string> = {},
): Promise<URL> {
  const page = stayed(await browser.open(url.href));
  return left(await browser.submit(formTo(page, '/consent'), { decision: 'allow', ...fields }));
}

/** A registered client with its first tokens, and the browser of the person who allowed it. */
export async function connect(
  service: AuthService,
  options: { params?: Record<string, string>; metadata?: Partial<oauth.ClientMetadata> } = {},
) {
  const browser = new FormBrowser(service.origin);
  const email = await signUp(service, browser);
  const client = await register(service, options.metadata);
  const request = await authorization(client, options.params);
  const answer = await allow(browser, request);
  const tokens = await oauth.authorizationCodeGrant(client, answer, {
    pkceCodeVerifier: request.verifier,
    expectedState: request.state,
  });
  return { browser, email, client, answer, request, tokens };
}

export function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString()) as Record<
    string,
    unknown
  >;
}

/** What a person reads on a page. */
export function textOf(page: Page): string {
  return page.html
    .replace(/<(style|head)[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]+>/g, '')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#39;', "'")
    .replace(/\s+/g, ' ')
    .trim();
}
