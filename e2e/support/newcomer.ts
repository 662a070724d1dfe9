import { randomBytes } from 'node:crypto';
import type { Db } from '@conducktor/db';
import { mintApiKey } from '@conducktor/identity';
import { FormBrowser, type Page, type Person } from '@conducktor/oauth-client';
import { Secret, TOTP } from 'otpauth';
import { Rest } from './rest.js';

/** Somebody who signed up, owns a workspace, and has a browser that is signed in. */
export interface Newcomer extends Person {
  browser: FormBrowser;
  /** As the workspace's owner. */
  rest: Rest;
}

/** Signs up by the page; `admin` writes a key for the REST API beside it. */
export async function signUp(origin: string, admin: Db): Promise<Newcomer> {
  const browser = new FormBrowser(origin);
  const email = `p${randomBytes(6).toString('hex')}@example.com`;
  const password = 'correct horse battery';
  const fields = { name: 'Pat Example', workspace: 'Acme', email, password };
  await post(browser, await pageAt(browser, '/signup'), '/signup', fields);
  const { key, id, secretHash } = mintApiKey();
  await admin.pool.query(
    `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes)
     select tenant_id, $1, id, 'for tests', $2, '{mcp:read,mcp:write,admin}' from member where email = $3`,
    [id, secretHash, email],
  );
  return { email, password, browser, rest: new Rest(origin, key) };
}

/** Sets up an authenticator app by the page; the code of now is used up by that. */
export async function setUpAuthenticator({ browser }: Newcomer): Promise<(at: number) => string> {
  const path = '/account/security/authenticator';
  const page = await pageAt(browser, path);
  const shown = /<code>([A-Z2-7 ]{32,})<\/code>/.exec(page.html)![1]!;
  const app = new TOTP({ secret: Secret.fromBase32(shown.replaceAll(' ', '')) });
  await post(browser, page, path, { code: app.generate() });
  return (timestamp) => app.generate({ timestamp });
}

async function pageAt(browser: FormBrowser, path: string): Promise<Page> {
  return stayed(await browser.open(path));
}

async function post(
  browser: FormBrowser,
  page: Page,
  path: string,
  fields: Record<string, string>,
) {
  const form = page.forms.find(({ action }) => new URL(action).pathname === path);
  if (!form) throw new Error(`${page.url} has no form to ${path}: ${page.html}`);
  const done = stayed(await browser.submit(form, fields));
  if (done.status !== 200) throw new Error(`${path} answered ${done.status}: ${done.html}`);
}

function stayed(page: Page | { leftFor: URL }): Page {
  if ('leftFor' in page) throw new Error(`The browser left for ${page.leftFor.href}`);
  return page;
}
