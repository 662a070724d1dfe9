import { SignJWT, decodeJwt, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import { createDb, readSealedSigningKeys } from '@conducktor/db';
import { deriveKey } from '@conducktor/runtime';
import { createVault } from '@conducktor/vault';

/**
 * The same access token as it would be had it been issued two hours ago: every claim and the
 * installation's own signature are genuine, only its hour is over. Waiting for a real one would take
 * that hour; the operator who runs the demo owns the key.
 */
export async function expiredCopyOf(
  token: string,
  signer: { databaseUrl: string; secretKey: string },
): Promise<string> {
  const header = decodeProtectedHeader(token);
  const claims = decodeJwt(token);
  const db = createDb(signer.databaseUrl, { max: 1 });
  try {
    const key = (await readSealedSigningKeys(db)).find((row) => row.kid === header.kid);
    if (!key) throw new Error('The key that signed the token is not in the database.');
    const vault = createVault({ kek: deriveKey(signer.secretKey, 'kek'), db });
    const jwk = JSON.parse(
      vault.openForInstall(`signing_key/private/${key.kid}`, key.privateSealed).toString('utf8'),
    ) as JWK;
    const now = Math.floor(Date.now() / 1000);
    return await new SignJWT({ ...claims, iat: now - 7200, exp: now - 3600 })
      .setProtectedHeader({ ...header, alg: key.alg })
      .sign(await importJWK(jwk, key.alg));
  } finally {
    await db.end();
  }
}
