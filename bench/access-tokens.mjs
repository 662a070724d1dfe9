import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Longer than any measurement; the longest that the product itself issues. */
const LIFE_S = 24 * 3600;

/**
 * Makes access tokens as the auth service issues them (RFC 9068), signed with the key that it made for
 * this installation: taken out of its vault, since the one who measures owns it. Sixty sign-ins in a
 * browser would give the same tokens. `lib` loads a library of the measured checkout.
 */
export async function accessTokenSigner({ root, lib, admin, publicUrl, secretKey }) {
  const [{ readSealedSigningKeys }, { deriveKey }, { createVault }, { newId }] = await Promise.all(
    ['db', 'runtime', 'vault', 'contracts'].map(lib),
  );
  const jose = createRequire(join(root, 'libs/identity/package.json')).resolve('jose');
  const { SignJWT, importJWK } = await import(pathToFileURL(jose).href);
  const key = (await readSealedSigningKeys(admin)).find(({ state }) => state === 'signing');
  if (!key) throw new Error('The auth service has made no signing key.');
  const vault = createVault({ kek: deriveKey(secretKey, 'kek'), db: admin });
  const place = `signing_key/private/${key.kid}`;
  const jwk = JSON.parse(vault.openForInstall(place, key.privateSealed).toString('utf8'));
  const privateKey = await importJWK(jwk, key.alg);
  return ({ tenantId, owner }) =>
    new SignJWT({
      client_id: 'bench',
      scope: 'mcp:read mcp:write',
      tenant: tenantId,
      member: owner.memberId,
      gid: newId('grt'),
    })
      .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid })
      .setIssuer(publicUrl)
      .setAudience(`${publicUrl}/mcp`)
      .setSubject(owner.userId)
      .setJti(newId('evt'))
      .setIssuedAt()
      .setExpirationTime(`${LIFE_S}s`)
      .sign(privateKey);
}
