import { createVerifier } from '@conducktor/identity';
import { createDb } from '@conducktor/db';
import { FormBrowser } from '@conducktor/oauth-client';
import { decodeProtectedHeader } from 'jose';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  allow,
  authorization,
  CALLBACK,
  claimsOf,
  connect,
  formTo,
  left,
  PASSWORD,
  register,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

describe('a client that knows only the issuer', () => {
  test('registers, sends the person to sign in and consent, and gets tokens that the gateway accepts', async () => {
    const email = await signUp(auth);
    const client = await register(auth);
    const request = await authorization(client, { scope: 'read write offline_access' });

    const browser = new FormBrowser(auth.origin);
    const login = stayed(await browser.open(request.url.href));
    expect(textOf(login)).toContain('to connect Test client');
    const consent = stayed(
      await browser.submit(formTo(login, '/login'), { email, password: PASSWORD }),
    );
    expect(textOf(consent)).toContain('use the connections of workspace Acme');
    expect(textOf(consent)).toContain('run tools on your behalf');
    expect(textOf(consent)).toContain('see your usage');
    expect(textOf(consent)).toContain('stay connected until you disconnect it');
    expect(textOf(consent)).toContain('Access goes to 127.0.0.1:3999');
    const answer = left(await browser.submit(formTo(consent, '/consent'), { decision: 'allow' }));
    expect(answer.searchParams.get('iss')).toBe(auth.origin);

    const tokens = await oauth.authorizationCodeGrant(client, answer, {
      pkceCodeVerifier: request.verifier,
      expectedState: request.state,
    });
    expect(tokens).toMatchObject({
      token_type: 'bearer',
      expires_in: 3600,
      scope: 'mcp:read mcp:write offline_access',
    });
    expect(tokens.refresh_token).toBeDefined();
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({
      alg: 'ES256',
      typ: 'at+jwt',
    });

    const gateway = createDb(auth.database.urlFor('conducktor_gateway'), { max: 1 });
    const claims = await createVerifier({ db: gateway, publicUrl: auth.origin }).verifyAccessToken(
      tokens.access_token,
      `${auth.origin}/mcp`,
    );
    await gateway.end();
    const { rows } = await auth.admin.pool.query(
      `select g.*, m.user_id, u.email, t.active_policy from oauth_grant g
         join member m on m.id = g.member_id join user_account u on u.id = m.user_id join tenant t on t.id = g.tenant_id
        where g.id = $1`,
      [claims.grantId],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      tenant_id: claims.tenantId,
      member_id: claims.memberId,
      user_id: claims.userId,
      email,
      client_id: claims.clientId,
      client_name: 'Test client',
      redirect_host: '127.0.0.1:3999',
      resource: `${auth.origin}/mcp`,
      revoked_at: null,
      active_policy: 1,
    });
  });

  test('is sent back with access_denied when the person cancels, at either step', async () => {
    const browser = new FormBrowser(auth.origin);
    const client = await register(auth);
    const first = await authorization(client);
    const login = stayed(await browser.open(first.url.href));
    const cancel = login.forms.find(({ choices }) => choices.get('decision')?.includes('cancel'))!;
    const atLogin = left(await browser.submit(cancel, { decision: 'cancel' }));
    expect(Object.fromEntries(atLogin.searchParams)).toMatchObject({
      error: 'access_denied',
      state: first.state,
      iss: auth.origin,
    });

    await signUp(auth, browser);
    const second = await authorization(client);
    const consent = stayed(await browser.open(second.url.href));
    const atConsent = left(
      await browser.submit(formTo(consent, '/consent'), { decision: 'cancel' }),
    );
    expect(atConsent.searchParams.get('error')).toBe('access_denied');
  });

  test('can have its person sign up on the way', async () => {
    const client = await register(auth);
    const request = await authorization(client);
    const browser = new FormBrowser(auth.origin);
    const login = stayed(await browser.open(request.url.href));
    const link = /href="(\/signup\?flow=[^"]+)"/.exec(login.html)![1]!;
    const signup = stayed(await browser.open(link));
    const consent = stayed(
      await browser.submit(formTo(signup, '/signup'), {
        name: 'New Person',
        workspace: 'Fresh & Co',
        email: 'fresh@example.com',
        password: PASSWORD,
      }),
    );
    expect(textOf(consent)).toContain('workspace Fresh & Co');
    const answer = left(await browser.submit(formTo(consent, '/consent'), { decision: 'allow' }));
    expect(answer.searchParams.get('code')).toBeTruthy();
  });

  test('gets mcp:read when it asks for nothing, and only what it asked for', async () => {
    const { tokens } = await connect(auth);
    expect(tokens.scope).toBe('mcp:read');
    expect(claimsOf(tokens.access_token)).toMatchObject({
      scope: 'mcp:read',
      aud: `${auth.origin}/mcp`,
    });
    const { tokens: identity } = await connect(auth, { params: { scope: 'openid email' } });
    expect(identity.scope?.split(' ').toSorted()).toEqual(['email', 'mcp:read', 'openid']);
  });

  test('may use the paths of older servers', async () => {
    const browser = new FormBrowser(auth.origin);
    await signUp(auth, browser);
    for (const prefix of ['/auth', '/api/mcp/auth']) {
      const client = await register(auth);
      const request = await authorization(client);
      request.url.pathname = `${prefix}/authorize`;
      const answer = await allow(browser, request);
      const response = await fetch(`${auth.origin}${prefix}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: client.clientMetadata().client_id,
          code: answer.searchParams.get('code')!,
          redirect_uri: CALLBACK,
          code_verifier: request.verifier,
        }),
      });
      expect(response.status).toBe(200);
    }
  });
});
