import { FormBrowser, type Form, type Page } from './form-browser.js';

export interface Person {
  email: string;
  password: string;
  /** What their authenticator app shows now, where they have one. */
  code?: () => string;
}

/**
 * An OAuthClientProvider that keeps everything in memory; it fits SDK v1 and v2 alike. Instead of
 * opening a browser it keeps the address, which {@link signIn} walks through.
 */
export class MemoryOAuthProvider {
  authorizationUrl: URL | undefined;
  #client: never | undefined;
  #tokens: never | undefined;
  #verifier = '';
  #discovery: never | undefined;

  constructor(
    readonly redirectUrl = 'http://127.0.0.1:3999/callback',
    readonly scope = 'mcp:read mcp:write offline_access',
    readonly clientName = 'Test client',
  ) {}

  get clientMetadata() {
    return {
      client_name: this.clientName,
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: this.scope,
    };
  }

  clientInformation = () => this.#client;
  saveClientInformation = (client: unknown) => void (this.#client = client as never);
  tokens = () => this.#tokens;
  saveTokens = (tokens: unknown) => void (this.#tokens = tokens as never);
  redirectToAuthorization = (url: URL) => void (this.authorizationUrl = url);
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
  codeVerifier = () => this.#verifier;
  /** Which authorization server the person was sent to, so that its answer is held against it. */
  saveDiscoveryState = (state: unknown) => void (this.#discovery = state as never);
  discoveryState = () => this.#discovery;

  /** The bearer token at hand, for requests beside the SDK. */
  get accessToken(): string {
    const tokens = this.#tokens as { access_token?: string } | undefined;
    if (!tokens?.access_token) throw new Error('Not signed in yet.');
    return tokens.access_token;
  }
}

/**
 * Walks login, second step and consent as posted forms, choosing the first workspace, and returns the query of the redirect to
 * the client: `code` and `iss`, or `error`.
 */
export async function signIn(
  authorizationUrl: URL,
  person: Person,
  browser = new FormBrowser(authorizationUrl.origin),
): Promise<URLSearchParams> {
  let page = await browser.open(authorizationUrl.href);
  for (let step = 0; step < 6; step++) {
    if ('leftFor' in page) return page.leftFor.searchParams;
    page = await browser.submit(...nextAnswer(page, person));
  }
  throw new Error(`Sign-in did not end after six pages.`);
}

function nextAnswer(page: Page, person: Person): [Form, Record<string, string>] {
  const has = (form: Form, name: string) => form.fields.some(([field]) => field === name);
  const login = page.forms.find((form) => has(form, 'password'));
  if (login) return [login, { email: person.email, password: person.password }];
  const second = page.forms.find((form) => has(form, 'code'));
  if (second && person.code && page.status < 400) return [second, { code: person.code() }];
  const consent = page.forms.find((form) => form.method === 'post');
  if (!consent || page.status >= 400) {
    throw new Error(`Sign-in stopped at ${page.url} (${page.status}): ${textOf(page.html)}`);
  }
  const answer: Record<string, string> = {};
  for (const [name, values] of consent.choices) {
    const allow = values.find((value) => /^(allow|accept|approve|yes)$/i.test(value));
    if (allow !== undefined) answer[name] = allow;
    else if (!has(consent, name) && values[0] !== undefined) answer[name] = values[0];
  }
  return [consent, answer];
}

function textOf(html: string): string {
  const body = html.replace(/<(style|script|head)[\s\S]*?<\/\1>/gi, ' ');
  return body
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}
