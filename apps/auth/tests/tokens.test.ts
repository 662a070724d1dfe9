import * as oauth from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimsOf, connect, register, startAuth, type AuthService } from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

const revokedAt = async (accessToken: string): Promise<Date | null> => {
  const { rows } = await auth.admin.pool.query('select revoked_at from oauth_grant where id = $1', [
    claimsOf(accessToken)['gid'],
  ]);
  return rows[0].revoked_at as Date | null;
};
const tenantVersion = async (accessToken: string): Promise<number> => {
  const { rows } = await auth.admin.pool.query(
    'select version::int from tenant_version where tenant_id = $1',
    [claimsOf(accessToken)['tenant']],
  );
  return rows[0].version as number;
};
const refused = { error: 'invalid_grant' };

describe('a refresh token', () => {
  test('is exchanged once for another; the grant and the resource stay', async () => {
    const { client, tokens } = await connect(auth, { params: { scope: 'write' } });
    const next = await oauth.refreshTokenGrant(client, tokens.refresh_token!);
    expect(next.refresh_token).not.toBe(tokens.refresh_token);
    const [one, two] = [claimsOf(tokens.access_token), claimsOf(next.access_token)];
    expect(two).toMatchObject({
      gid: one['gid'],
      aud: one['aud'],
      tenant: one['tenant'],
      scope: 'mcp:write',
    });
    expect(two['jti']).not.toBe(one['jti']);
    await expect(oauth.refreshTokenGrant(client, next.refresh_token!)).resolves.toBeDefined();
  });

  test('used a second time ends the grant, also for whoever refreshed in between', async () => {
    const { client, tokens } = await connect(auth);
    const version = await tenantVersion(tokens.access_token);
    const next = await oauth.refreshTokenGrant(client, tokens.refresh_token!);
    await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).rejects.toMatchObject(
      refused,
    );
    await expect(oauth.refreshTokenGrant(client, next.refresh_token!)).rejects.toMatchObject(
      refused,
    );
    expect(await revokedAt(tokens.access_token)).not.toBeNull();
    // What the gateways poll, so that they refuse the access tokens too.
    expect(await tenantVersion(tokens.access_token)).toBeGreaterThan(version);
  });

  test('sent many times at once is exchanged once at most, and ends the grant', async () => {
    const { client, tokens } = await connect(auth);
    const answers = await Promise.allSettled(
      Array.from({ length: 12 }, () => oauth.refreshTokenGrant(client, tokens.refresh_token!)),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(2);
    expect(await revokedAt(tokens.access_token)).not.toBeNull();
  });

  test('narrows scopes but never widens them', async () => {
    const { client, tokens } = await connect(auth, { params: { scope: 'read write' } });
    const narrow = await oauth.refreshTokenGrant(client, tokens.refresh_token!, { scope: 'read' });
    expect(claimsOf(narrow.access_token)['scope']).toBe('mcp:read');
    const reading = await connect(auth);
    await expect(
      oauth.refreshTokenGrant(reading.client, reading.tokens.refresh_token!, { scope: 'write' }),
    ).rejects.toMatchObject({ error: 'invalid_scope' });
  });

  test('is good for its own client and resource only', async () => {
    const { client, tokens } = await connect(auth);
    const other = await register(auth);
    await expect(oauth.refreshTokenGrant(other, tokens.refresh_token!)).rejects.toMatchObject(
      refused,
    );
    await expect(
      oauth.refreshTokenGrant(client, tokens.refresh_token!, {
        resource: `${auth.origin}/mcp/finance`,
      }),
    ).rejects.toMatchObject({ error: 'invalid_target' });
  });

  test('lives thirty days, and none is given to a client without that grant type', async () => {
    await connect(auth);
    const { rows } = await auth.admin.pool.query(
      `select round(extract(epoch from max(expires_at) - now()) / 86400)::int as days from oidc_payload where kind = 'RefreshToken'`,
    );
    expect(rows[0].days).toBe(30);
    const { tokens } = await connect(auth, { metadata: { grant_types: ['authorization_code'] } });
    expect(tokens.refresh_token).toBeUndefined();
  });

  test('ends when its person loses the workspace', async () => {
    const { client, tokens } = await connect(auth);
    await auth.admin.pool.query('update member set disabled_at = now() where id = $1', [
      claimsOf(tokens.access_token)['member'],
    ]);
    await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).rejects.toMatchObject(
      refused,
    );
  });

  test('is not readable in the database', async () => {
    const { tokens, browser } = await connect(auth);
    const { rows } = await auth.admin.pool.query(
      'select kind, id, payload::text from oidc_payload',
    );
    const stored = JSON.stringify(rows);
    expect(stored).not.toContain(tokens.refresh_token);
    const session = /_session=([^;]+)/.exec(browser.jar.header())![1]!;
    expect(stored).not.toContain(session);
  });
});

describe('revocation', () => {
  test.each(['refresh_token', 'access_token'] as const)(
    'of the %s ends the grant',
    async (kind) => {
      const { client, tokens } = await connect(auth);
      await oauth.tokenRevocation(client, tokens[kind]!, { token_type_hint: kind });
      expect(await revokedAt(tokens.access_token)).not.toBeNull();
      await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).rejects.toMatchObject(
        refused,
      );
      const { rows } = await auth.admin.pool.query(
        `select record->>'action' as action from audit_outbox where record->>'grantId' = $1 order by id`,
        [claimsOf(tokens.access_token)['gid']],
      );
      expect(rows.map(({ action }) => action as string)).toEqual(['grant.create', 'grant.revoke']);
    },
  );

  test('asked in a body over the limit, or of another kind, is refused as an OAuth error', async () => {
    for (const [body, type, status] of [
      ['token='.padEnd(70_000, 'x'), 'application/x-www-form-urlencoded', 413],
      ['{"token":"x"}', 'application/json', 400],
      ['', 'application/x-www-form-urlencoded', 400],
    ] as const) {
      for (const path of ['/oauth2/revoke', '/oauth2/introspect', '/oauth2/token']) {
        const response = await fetch(auth.origin + path, {
          method: 'POST',
          headers: { 'content-type': type },
          body,
        });
        expect(response.status, path).toBe(status);
        expect(await response.json()).toMatchObject({ error: 'invalid_request' });
      }
    }
  });

  test('by another client does nothing', async () => {
    const { client, tokens } = await connect(auth);
    const other = await register(auth);
    await oauth.tokenRevocation(other, tokens.access_token).catch(() => {});
    await oauth.tokenRevocation(other, tokens.refresh_token!).catch(() => {});
    expect(await revokedAt(tokens.access_token)).toBeNull();
    await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).resolves.toBeDefined();
  });

  test('of something that is no token of ours succeeds and does nothing', async () => {
    const { client, tokens } = await connect(auth);
    const [header, , signature] = tokens.access_token.split('.');
    const forged = [
      header,
      Buffer.from(JSON.stringify({ ...claimsOf(tokens.access_token), jti: 'x' })).toString(
        'base64url',
      ),
      signature,
    ].join('.');
    for (const token of ['nothing', 'a.b.c', forged]) await oauth.tokenRevocation(client, token);
    expect(await revokedAt(tokens.access_token)).toBeNull();
  });
});

describe('introspection', () => {
  test('tells a client about its own tokens until they are revoked', async () => {
    const { client, tokens } = await connect(auth, { params: { scope: 'read write' } });
    const claims = claimsOf(tokens.access_token);
    const active = await oauth.tokenIntrospection(client, tokens.access_token);
    expect(active).toMatchObject({
      active: true,
      scope: 'mcp:read mcp:write',
      client_id: claims['client_id'],
      sub: claims['sub'],
      aud: claims['aud'],
      exp: claims['exp'],
      iss: auth.origin,
    });
    expect(await oauth.tokenIntrospection(client, tokens.refresh_token!)).toMatchObject({
      active: true,
    });
    const other = await register(auth);
    for (const token of [tokens.access_token, tokens.refresh_token!]) {
      expect(await oauth.tokenIntrospection(other, token)).toEqual({ active: false });
    }
    await oauth.tokenRevocation(client, tokens.refresh_token!);
    expect(await oauth.tokenIntrospection(client, tokens.access_token)).toEqual({ active: false });
  });
});

test('a grant that was revoked elsewhere is over here too', async () => {
  const { client, tokens } = await connect(auth);
  await auth.admin.pool.query('update oauth_grant set revoked_at = now() where id = $1', [
    claimsOf(tokens.access_token)['gid'],
  ]);
  for (const token of [tokens.access_token, tokens.refresh_token!]) {
    expect(await oauth.tokenIntrospection(client, token)).toEqual({ active: false });
  }
  await expect(oauth.refreshTokenGrant(client, tokens.refresh_token!)).rejects.toMatchObject(
    refused,
  );
});

describe('userinfo', () => {
  test('answers to a token with openid, and to no other', async () => {
    const { client, email, tokens } = await connect(auth, {
      params: { scope: 'openid email profile read' },
    });
    const claims = claimsOf(tokens.access_token);
    const info = await oauth.fetchUserInfo(client, tokens.access_token, String(claims['sub']));
    expect(info).toEqual({ sub: claims['sub'], email, email_verified: false, name: 'Pat Example' });
    expect(tokens.claims()).toMatchObject({ sub: claims['sub'], iss: auth.origin });
    await auth.admin.pool.query('update user_account set email_verified_at = now() where id = $1', [
      claims['sub'],
    ]);
    expect(
      await oauth.fetchUserInfo(client, tokens.access_token, String(claims['sub'])),
    ).toMatchObject({ email, email_verified: true });

    const plain = await connect(auth);
    const bearer = (token: string) =>
      fetch(`${auth.origin}/oauth2/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    expect((await bearer(plain.tokens.access_token)).status).toBe(403);
    expect((await bearer('a.b.c')).status).toBe(401);
    await oauth.tokenRevocation(client, tokens.refresh_token!);
    expect((await bearer(tokens.access_token)).status).toBe(401);
  });
});
