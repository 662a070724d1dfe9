/** Access tokens as `auth` gives them (RFC 9068), under a key of the test's own. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { newId } from '@conducktor/contracts';
import type { Db } from '@conducktor/db';
import type { SeededMember } from '@conducktor/testing';

export interface Issued {
  token: string;
  grantId: string;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Resolves with what gives a member's client a grant and a token of it. */
export async function openIssuer(admin: Db, publicUrl: string) {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomBytes(8).toString('hex');
  await admin.pool.query(
    "insert into signing_key (kid, alg, public_jwk, private_sealed) values ($1, 'ES256', $2, $3)",
    [kid, JSON.stringify(pair.publicKey.export({ format: 'jwk' })), randomBytes(8)],
  );
  return async (
    tenantId: string,
    person: SeededMember,
    { clientId = 'https://chat.example/client', resourcePath = '/mcp' } = {},
  ): Promise<Issued> => {
    const grantId = newId('grt');
    const resource = publicUrl + resourcePath;
    await admin.withTenant(tenantId, (tx) =>
      tx.query(
        'insert into oauth_grant (tenant_id, id, member_id, client_id, scopes, resource) values ($1, $2, $3, $4, $5, $6)',
        [tenantId, grantId, person.memberId, clientId, ['mcp:read', 'mcp:write'], resource],
      ),
    );
    const now = Math.floor(Date.now() / 1_000);
    const signed = `${part({ alg: 'ES256', typ: 'at+jwt', kid })}.${part({
      iss: publicUrl,
      aud: resource,
      sub: person.userId,
      client_id: clientId,
      scope: 'mcp:read mcp:write',
      jti: randomBytes(8).toString('hex'),
      tenant: tenantId,
      member: person.memberId,
      gid: grantId,
      iat: now,
      exp: now + 3_600,
    })}`;
    const signature = sign('sha256', Buffer.from(signed), {
      key: pair.privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return { token: `${signed}.${signature.toString('base64url')}`, grantId };
  };
}
