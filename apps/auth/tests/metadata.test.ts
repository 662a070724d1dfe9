import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAuth, type AuthService } from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth.stop());

const get = async (path: string, headers: Record<string, string> = {}) =>
  fetch(auth.origin + path, { headers });

test('both metadata documents say exactly what is served', async () => {
  const expected = {
    issuer: auth.origin,
    authorization_endpoint: `${auth.origin}/oauth2/authorize`,
    token_endpoint: `${auth.origin}/oauth2/token`,
    registration_endpoint: `${auth.origin}/oauth2/register`,
    revocation_endpoint: `${auth.origin}/oauth2/revoke`,
    introspection_endpoint: `${auth.origin}/oauth2/introspect`,
    userinfo_endpoint: `${auth.origin}/oauth2/userinfo`,
    end_session_endpoint: `${auth.origin}/oauth2/logout`,
    jwks_uri: `${auth.origin}/.well-known/jwks.json`,
    scopes_supported: ['openid', 'offline_access', 'profile', 'email', 'mcp:read', 'mcp:write'],
    response_types_supported: ['code'],
    response_modes_supported: ['form_post', 'fragment', 'query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    token_endpoint_auth_methods_supported: [
      'none',
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
    token_endpoint_auth_signing_alg_values_supported: ['ES256', 'RS256', 'PS256', 'EdDSA'],
    revocation_endpoint_auth_methods_supported: [
      'none',
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
    introspection_endpoint_auth_methods_supported: [
      'none',
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    claims_supported: ['sub', 'name', 'email', 'email_verified', 'sid', 'auth_time', 'iss'],
    claim_types_supported: ['normal'],
    claims_parameter_supported: false,
    request_uri_parameter_supported: false,
    client_id_metadata_document_supported: true,
  };
  for (const path of [
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/mcp',
    '/.well-known/openid-configuration/mcp/finance',
  ]) {
    const response = await get(path, { origin: 'http://localhost:6274' });
    expect(response.status, path).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:6274');
    const body = (await response.json()) as Record<string, unknown>;
    expect({
      ...body,
      claims_supported: (body['claims_supported'] as string[]).toSorted(),
    }).toEqual({
      ...expected,
      claims_supported: expected.claims_supported.toSorted(),
    });
  }
});

test('the issuer does not follow the Host or forwarding headers of a request', async () => {
  const response = await get('/.well-known/oauth-authorization-server', {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example',
  });
  expect(await response.text()).not.toContain('evil.example');
});

test('the key set holds one public ES256 key', async () => {
  const { keys } = (await (await get('/.well-known/jwks.json')).json()) as { keys: object[] };
  expect(keys).toHaveLength(1);
  expect(Object.keys(keys[0]!).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  expect(keys[0]).toMatchObject({ alg: 'ES256', crv: 'P-256', kty: 'EC', use: 'sig' });
});

test('health and readiness answer exactly', async () => {
  expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' });
  expect((await get('/readyz')).status).toBe(200);
});
