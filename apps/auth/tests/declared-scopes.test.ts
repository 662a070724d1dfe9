import { newId } from '@conducktor/contracts';
import { FormBrowser, type Page } from '@conducktor/oauth-client';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  authorization,
  claimsOf,
  formTo,
  left,
  register,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';

let auth: AuthService;
let browser: FormBrowser;
let client: oauth.Configuration;
let email: string;
let workspace: { tenantId: string; memberId: string };

beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

beforeEach(async () => {
  browser = new FormBrowser(auth.origin);
  email = await signUp(auth, browser);
  client = await register(auth);
  const { rows } = await auth.admin.pool.query<typeof workspace>(
    'select tenant_id as "tenantId", id as "memberId" from member where email = $1',
    [email],
  );
  workspace = rows[0]!;
  await connection(workspace.tenantId, 'stock', [
    { scope: 'read:inventory', description: 'read what is <in> stock', tools: ['getInventory*'] },
    { scope: 'read:cogs', tools: ['getCogs'] },
  ]);
});

const connection = (tenantId: string, slug: string, scopes: object[]) =>
  auth.admin.pool.query(
    `insert into connection (tenant_id, id, slug, kind, url, scopes) values ($1, $2, $3, 'mcp-http', 'https://up.example/mcp', $4)`,
    [tenantId, newId('con'), slug, JSON.stringify(scopes)],
  );
const secondWorkspace = async () => {
  const tenantId = newId('ten');
  await auth.admin.pool.query(`insert into tenant (id, slug, name) values ($1, $2, 'Other')`, [
    tenantId,
    tenantId.slice(4).toLowerCase().slice(0, 20),
  ]);
  await auth.admin.pool.query(
    `insert into member (tenant_id, id, user_id, email, roles)
     select $1, $2, user_id, email, '{member}' from member where id = $3`,
    [tenantId, newId('mem'), workspace.memberId],
  );
  return tenantId;
};
const freeze = (kind: string, subjectId: string) =>
  auth.admin.pool.query(
    `insert into frozen (tenant_id, kind, subject_id, reason, created_by) values ($1, $2, $3, 'an incident', 'x')`,
    [workspace.tenantId, kind, subjectId],
  );

/** The consent page for a request, and what allowing it gives. */
async function ask(scope: string, params: Record<string, string> = {}) {
  const request = await authorization(client, { scope, ...params });
  const page = stayed(await browser.open(request.url.href));
  const allow = async (fields: Record<string, string> = {}) => {
    const answer = await browser.submit(formTo(page, '/consent'), { decision: 'allow', ...fields });
    return oauth.authorizationCodeGrant(client, left(answer), {
      pkceCodeVerifier: request.verifier,
      expectedState: request.state,
    });
  };
  return { page, allow, text: textOf(page) };
}
const scopesOf = (token: string) => String(claimsOf(token)['scope']).split(' ').toSorted();

describe('scopes that a connection declares', () => {
  test('are said in the words of the workspace and granted; others that were asked are not', async () => {
    const { text, page, allow } = await ask(
      'read read:inventory read:cogs write:nothing delete:all',
    );
    expect(text).toContain('read what is <in> stock (read:inventory)');
    expect(page.html).toContain('read what is &lt;in&gt; stock');
    expect(text).toContain('use read:cogs (read:cogs)');
    expect(text).not.toContain('write:nothing');
    const tokens = await allow();
    expect(scopesOf(tokens.access_token)).toEqual(['mcp:read', 'read:cogs', 'read:inventory']);
    // What the client may not have it is told, as RFC 6749 section 5.1 wants it.
    expect(tokens.scope?.split(' ').toSorted()).toEqual([
      'mcp:read',
      'read:cogs',
      'read:inventory',
    ]);
  });

  test('are kept by a refresh, which may ask for fewer and not for more', async () => {
    const { allow } = await ask('read read:inventory');
    const tokens = await allow();
    const again = await oauth.refreshTokenGrant(client, tokens.refresh_token!);
    expect(scopesOf(again.access_token)).toEqual(['mcp:read', 'read:inventory']);
    const fewer = await oauth.refreshTokenGrant(client, again.refresh_token!, { scope: 'read' });
    expect(scopesOf(fewer.access_token)).toEqual(['mcp:read']);
    await expect(
      oauth.refreshTokenGrant(client, fewer.refresh_token!, { scope: 'read read:cogs' }),
    ).rejects.toMatchObject({ error: 'invalid_scope' });
  });

  test('are had by asking again, for a client that registered without them too', async () => {
    client = await register(auth, { scope: 'mcp:read' });
    const before = await (await ask('read')).allow();
    expect(scopesOf(before.access_token)).toEqual(['mcp:read']);
    const after = await (await ask('mcp:read read:inventory')).allow();
    expect(scopesOf(after.access_token)).toEqual(['mcp:read', 'read:inventory']);
    // The access that there was stays as it is.
    const old = await oauth.refreshTokenGrant(client, before.refresh_token!);
    expect(scopesOf(old.access_token)).toEqual(['mcp:read']);
  });

  test('are those of the workspace that is chosen', async () => {
    const other = await secondWorkspace();
    await connection(other, 'books', [
      { scope: 'read:books', description: 'read the books', tools: ['*'] },
    ]);
    const asked = 'read read:inventory read:books';
    const { text, allow } = await ask(asked);
    expect(text).toContain('Acme There also: read what is <in> stock (read:inventory)');
    expect(text).toContain('Other There also: read the books (read:books)');
    expect(scopesOf((await allow({ workspace: other })).access_token)).toEqual([
      'mcp:read',
      'read:books',
    ]);
    const own = await (await ask(asked)).allow({ workspace: workspace.tenantId });
    expect(scopesOf(own.access_token)).toEqual(['mcp:read', 'read:inventory']);
  });

  test('are told to nobody who has not signed in', async () => {
    const stranger = new FormBrowser(auth.origin);
    const pages: Page[] = [];
    for (const scope of ['read read:inventory', 'read read:nobodys']) {
      const { url } = await authorization(client, { scope });
      pages.push(stayed(await stranger.open(url.href)));
    }
    const [known, unknown] = pages.map(textOf);
    expect(known).toBe(unknown);
    expect(pages.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('an address of a part of the workspace', () => {
  test('is named, and its token is good there only', async () => {
    const resource = `${auth.origin}/mcp/stock`;
    const { text, allow } = await ask('read', { resource });
    expect(text).toContain('use only the part stock of workspace Acme');
    expect(claimsOf((await allow()).access_token)['aud']).toBe(resource);
  });

  test('that the chosen workspace does not have is not allowed; another that has it is', async () => {
    const other = await secondWorkspace();
    const { text, page, allow } = await ask('read', { resource: `${auth.origin}/mcp/stock` });
    expect(text).toContain('It has no toolset or connection “stock”');
    const form = formTo(page, '/consent');
    const refused = stayed(await browser.submit(form, { decision: 'allow', workspace: other }));
    expect(refused.status).toBe(403);
    expect(textOf(refused)).toContain('The workspace Other has no toolset or connection “stock”.');
    await expect(allow({ workspace: workspace.tenantId })).resolves.toBeDefined();
  });

  test('that is nowhere offers no button', async () => {
    const { text, page } = await ask('read', { resource: `${auth.origin}/mcp/nowhere` });
    expect(text).toContain('The workspace Acme has no toolset or connection “nowhere”.');
    expect(formTo(page, '/consent').choices.get('decision')).toEqual(['cancel', 'switch']);
  });
});

describe('what is frozen', () => {
  const clientId = () => client.clientMetadata().client_id;
  test.each([
    ['workspace', () => workspace.tenantId],
    ['member', () => workspace.memberId],
    ['client', clientId],
  ])(
    '%s: gets no code and no token, introspects as inactive, and goes on once it is lifted',
    async (kind, subject) => {
      const tokens = await (await ask('openid read')).allow();
      const under = await ask('read');
      const code = await authorization(client, { scope: 'read' });
      const codePage = stayed(await browser.open(code.url.href));
      const answer = left(
        await browser.submit(formTo(codePage, '/consent'), { decision: 'allow' }),
      );
      await freeze(kind, subject());

      await expect(under.allow()).rejects.toThrow('is frozen for this: an incident');
      await expect(
        oauth.authorizationCodeGrant(client, answer, {
          pkceCodeVerifier: code.verifier,
          expectedState: code.state,
        }),
      ).rejects.toMatchObject({ error: 'invalid_grant' });
      await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).rejects.toMatchObject({
        error: 'invalid_grant',
      });
      for (const token of [tokens.access_token, tokens.refresh_token!])
        expect(await oauth.tokenIntrospection(client, token)).toEqual({ active: false });
      const info = await fetch(`${auth.origin}/oauth2/userinfo`, {
        headers: { authorization: `Bearer ${tokens.access_token}` },
      });
      expect(info.status).toBe(401);

      await auth.admin.pool.query('delete from frozen where tenant_id = $1', [workspace.tenantId]);
      await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).resolves.toBeDefined();
    },
  );

  test('or removed, or whose account is disabled, gets no token either', async () => {
    for (const sql of [
      'update member set removed_at = now(), disabled_at = now() where id = $1',
      'update user_account set disabled_at = now() where id = (select user_id from member where id = $1)',
    ]) {
      const tokens = await (await ask('read')).allow();
      await auth.admin.pool.query(sql, [workspace.memberId]);
      for (const token of [tokens.access_token, tokens.refresh_token!])
        expect(await oauth.tokenIntrospection(client, token)).toEqual({ active: false });
      await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).rejects.toMatchObject({
        error: 'invalid_grant',
      });
      await auth.admin.pool.query(
        'update member set removed_at = null, disabled_at = null where id = $1',
        [workspace.memberId],
      );
    }
  });
});
