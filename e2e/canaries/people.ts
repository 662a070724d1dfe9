import type { Db } from '@conducktor/db';
import { FormBrowser, signIn, type Page } from '@conducktor/oauth-client';
import { rawMcp } from '@conducktor/testing';
import { exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'openid-client';
import { Secret, TOTP } from 'otpauth';
import { Rest } from '../support/rest.js';
import { eventually } from '../support/world.js';
import type { Kept } from './kept.js';
import type { Mailbox } from './outside.js';

const CALLBACK = 'http://127.0.0.1:3999/callback';
const SECURITY = '/account/security';

export interface Life {
  origin: string;
  kept: Kept;
  admin: Db;
  mailbox: Mailbox;
}

/** A browser whose pages are kept as answers, and whose cookies and form tokens as secrets. */
class WatchedBrowser extends FormBrowser {
  constructor(
    origin: string,
    readonly kept: Kept,
    /** What the next page is there to show. */
    public shows: string[] = [],
  ) {
    super(origin);
  }

  override async open(url: string, init: RequestInit = {}): Promise<Page | { leftFor: URL }> {
    const page = await super.open(url, init);
    for (const pair of this.jar.header().split('; ')) {
      const [name = '', value = ''] = pair.split('=');
      // That of one sign-in holds its id, which its forms carry too; what counts is signed beside it.
      const isId = name.includes('_flow_') && !name.endsWith('.sig');
      const kind = name.replace(/^.*ins_[0-9A-Za-z]+_/, '').replace(/flow_[\w-]{20,}/, 'flow');
      if (value.length >= 16 && !isId) this.kept.keep(`cookie ${kind}`, decodeURIComponent(value));
    }
    if ('leftFor' in page) return page;
    for (const form of page.forms)
      for (const [name, value] of form.fields)
        if (name === 'csrf' && value !== '') this.kept.keep('form token', value);
    const shows = ['form token', ...this.shows];
    this.kept.answered(`page ${new URL(page.url).pathname}`, page.html, shows);
    this.shows = [];
    return page;
  }
}

export interface Owner {
  email: string;
  browser: FormBrowser;
  rest: Rest;
}

/** Signs up, takes a second factor, has a key made, invites, and lets apps in: all that makes secrets. */
export async function livePerson(life: Life): Promise<Owner> {
  const { kept, origin, admin } = life;
  const email = `p${Math.random().toString(36).slice(2)}@example.com`;
  const password = kept.make('password');
  const browser = new WatchedBrowser(origin, kept);
  await fill(browser, '/signup', { name: 'Pat', workspace: 'Canaries', email, password });
  await admin.pool.query('update user_account set email_verified_at = now() where email = $1', [
    email,
  ]);
  const rest = await keyFor(life, browser);
  await letAppsIn(life, browser, rest);
  await invite(life, rest);
  await secondFactorAndPassword(life, browser, password);
  await mistype(life, email);
  await forget(life, email);
  return { email, browser, rest };
}

/** The first key by the page after signing in, another one by REST with it. */
async function keyFor({ kept, origin }: Life, browser: WatchedBrowser): Promise<Rest> {
  browser.shows = ['API key'];
  const wish = { name: 'first', 'scope-admin': 'yes', 'scope-mcp:read': 'yes' };
  const page = await fill(browser, '/login/api-key', wish, '/login');
  const key = /ck_[0-9A-Za-z]{22}_[0-9A-Za-z_-]{43}/.exec(page.html)?.[0];
  if (!key) throw new Error(`No key is shown: ${page.html}`);
  const rest = new Rest(origin, keepKey(kept, key));
  const made = await rest.must<{ key: string }>('POST', '/api-keys', {
    name: 'canary',
    scopes: ['mcp:read', 'mcp:write', 'admin'],
  });
  return new Rest(origin, keepKey(kept, made.key));
}

/** Its secret part too: the part before may be shown. */
function keepKey(kept: Kept, key: string): string {
  kept.keep('API key, its secret part', key.slice(-43));
  return kept.keep('API key', key);
}

async function secondFactorAndPassword(
  { kept }: Life,
  browser: WatchedBrowser,
  password: string,
): Promise<void> {
  const path = `${SECURITY}/authenticator`;
  browser.shows = ['authenticator seed'];
  const setup = stayed(await browser.open(path));
  const shown = /<code>([A-Z2-7 ]{32,})<\/code>/.exec(setup.html)![1]!;
  const seed = kept.keep('authenticator seed', shown.replaceAll(' ', ''));
  kept.keep('authenticator seed', shown);
  const app = new TOTP({ secret: Secret.fromBase32(seed) });
  // Its own bytes, however they would be written.
  kept.keep('authenticator seed', app.secret.hex);
  browser.shows = ['recovery code'];
  const form = setup.forms.find(({ action }) => new URL(action).pathname === path)!;
  const done = stayed(await browser.submit(form, { code: app.generate() }));
  const codes = [...done.html.matchAll(/<code>([0-9a-z]{4}(?:-[0-9a-z]{4}){3})<\/code>/g)];
  for (const [, code] of codes) {
    kept.keep('recovery code', code!);
    kept.keep('recovery code', code!.replaceAll('-', ''));
  }
  if (codes.length === 0) throw new Error(`No recovery codes are shown: ${done.html}`);
  const next = kept.make('changed password');
  const page = stayed(await browser.open(SECURITY));
  const change = page.forms.find(({ action }) => action.endsWith(`${SECURITY}/password`))!;
  await browser.submit(change, { current: password, password: next });
}

/** What people give where it does not belong: none of it may be written down. */
async function mistype({ kept, origin }: Life, email: string): Promise<void> {
  const wrong = kept.make('mistyped password');
  const browser = new WatchedBrowser(origin, kept, ['mistyped']);
  await fill(browser, '/login', { email, password: wrong }).catch(() => undefined);
  const asAddress = kept.make('mistyped password in place of an address');
  browser.shows = ['mistyped'];
  await fill(browser, '/login', { email: asAddress, password: wrong }).catch(() => undefined);
}

async function forget({ kept, origin, mailbox }: Life, email: string): Promise<void> {
  const browser = new WatchedBrowser(origin, kept);
  await fill(browser, '/login/forgot', { email });
  const link = await eventually('a letter with a link to a new password', async () =>
    mailbox.letters
      .filter((text) => text.includes(email))
      .map((text) => /\S+\/login\/reset\?token=[\w-]{43}/.exec(text)?.[0])
      .find((found) => found !== undefined),
  );
  kept.keep('reset link', new URL(link).searchParams.get('token')!);
  const next = kept.make('reset password');
  browser.shows = ['reset link'];
  const page = stayed(await browser.open(link));
  browser.shows = ['reset link'];
  await browser.submit(
    page.forms.find(({ action }) => action.includes('/login/reset'))!,
    {
      password: next,
    },
  );
}

async function invite({ kept, mailbox }: Life, rest: Rest): Promise<void> {
  const email = `i${Math.random().toString(36).slice(2)}@example.com`;
  const { invitation } = await rest.must<{ invitation: { url: string } }>('POST', '/members', {
    email,
    roles: ['member'],
  });
  kept.keep('invitation link', new URL(invitation.url).searchParams.get('token')!);
  const mailed = await eventually('the invitation by mail', async () =>
    mailbox.letters
      .filter((text) => text.includes(email))
      .map((text) => /\/invite\?token=([\w-]{43})/.exec(text)?.[1])
      .find((found) => found !== undefined),
  );
  kept.keep('mailed invitation link', mailed);
  const browser = new WatchedBrowser(rest.publicUrl, kept, ['mailed invitation link']);
  await browser.open(`/invite?token=${mailed}`);
}

/** Apps with a secret, with a key of their own, and with a token to register by. */
async function letAppsIn(life: Life, browser: WatchedBrowser, rest: Rest): Promise<void> {
  const { kept, origin } = life;
  const options = { algorithm: 'oauth2' as const, execute: [oauth.allowInsecureRequests] };
  const metadata = (method: string) => ({
    client_name: 'Canary app',
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: method,
  });
  const byToken = await rest.must<{ token: string }>('POST', '/initial-access-tokens', {});
  kept.keep('initial access token', byToken.token);
  const secretive = await oauth.dynamicClientRegistration(
    new URL(origin),
    metadata('client_secret_basic'),
    undefined,
    { ...options, initialAccessToken: byToken.token },
  );
  kept.keep('client secret', String(secretive.clientMetadata().client_secret));
  const registration = secretive.clientMetadata()['registration_access_token'];
  if (typeof registration === 'string') kept.keep('registration access token', registration);
  await grant(life, browser, secretive);

  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  kept.keep('private key of a client', (await exportJWK(privateKey)).d!);
  const keyed = await oauth.dynamicClientRegistration(
    new URL(origin),
    {
      ...metadata('private_key_jwt'),
      jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k' }] } as never,
    },
    oauth.PrivateKeyJwt(
      { key: privateKey, kid: 'k' },
      {
        [oauth.modifyAssertion]: (_header, payload) =>
          void (payload['nonce'] = kept.make('assertion of a client')),
      },
    ),
    options,
  );
  await grant(life, browser, keyed);
}

async function grant(life: Life, browser: WatchedBrowser, client: oauth.Configuration) {
  const { kept, origin } = life;
  const verifier = kept.keep('code verifier', oauth.randomPKCECodeVerifier());
  const state = oauth.randomState();
  const url = oauth.buildAuthorizationUrl(client, {
    redirect_uri: CALLBACK,
    scope: 'mcp:read mcp:write offline_access',
    resource: `${origin}/mcp`,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  });
  const query = await signIn(url, { email: '', password: '' }, browser);
  kept.keep('authorization code', query.get('code')!);
  const answer = new URL(`${CALLBACK}?${query.toString()}`);
  const checks = { pkceCodeVerifier: verifier, expectedState: state };
  const resource = { resource: `${origin}/mcp` };
  const first = await oauth.authorizationCodeGrant(client, answer, checks, resource);
  keepTokens(kept, first);
  const next = await oauth.refreshTokenGrant(client, first.refresh_token!, resource);
  keepTokens(kept, next);
  const listed = await rawMcp(`${origin}/mcp`, 'tools/list', {}, { token: next.access_token });
  if (listed.status !== 200) throw new Error(`The token is not taken: ${listed.text}`);
  kept.answered('tools/list by a token', listed.text);
  await oauth.tokenIntrospection(client, next.access_token).catch(() => undefined);
  // Used once before: this ends the grant, and is told of somewhere.
  await oauth.refreshTokenGrant(client, first.refresh_token!, resource).catch(() => undefined);
  const spoiled = `${next.access_token.slice(0, -4)}AAAA`;
  const refused = await rawMcp(`${origin}/mcp`, 'ping', {}, { token: spoiled });
  kept.answered('a spoiled token', refused.text + JSON.stringify([...refused.headers]));
}

/** Of a signed token the signature: the rest is public by itself, and no use without it. */
function keepTokens(kept: Kept, tokens: { access_token: string; refresh_token?: string }): void {
  kept.keep('access token', tokens.access_token.split('.').at(-1)!.slice(0, -4));
  if (tokens.refresh_token) kept.keep('refresh token', tokens.refresh_token);
}

async function fill(
  browser: WatchedBrowser,
  path: string,
  fields: Record<string, string>,
  at = path,
): Promise<Page> {
  const { shows } = browser;
  const page = stayed(await browser.open(at));
  const form = page.forms.find(({ action }) => new URL(action).pathname === path);
  if (!form) throw new Error(`${page.url} has no form to ${path}: ${page.html}`);
  browser.shows = shows;
  return stayed(await browser.submit(form, fields));
}

function stayed(page: Page | { leftFor: URL }): Page {
  if ('leftFor' in page) throw new Error(`The browser left for ${page.leftFor.href}`);
  return page;
}
