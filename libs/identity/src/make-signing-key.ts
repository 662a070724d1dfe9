import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { SealedSigningKey } from '@conducktor/db';

/** ECDSA on P-256 (RFC 7518 section 3.4): the one algorithm of our tokens. */
const ALG = 'ES256';

/** How long a key is published before it signs: longer than outside verifiers keep our JWKS. */
export const PUBLISH_MS = 24 * 3600 * 1000;
/** How long what a key signed is good after it: longer than any access token may live, which is a day. */
export const VERIFY_MS = 25 * 3600 * 1000;

/** What the sealed private part is bound to in the vault. */
export const signingKeyPlace = (kid: string) => `signing_key/private/${kid}`;

/** A new key pair, its private part sealed by `seal`; `kid` is its thumbprint (RFC 7638). Nothing is stored. */
export async function makeSigningKey(
  seal: (place: string, text: string) => Buffer,
): Promise<SealedSigningKey> {
  const pair = await generateKeyPair(ALG, { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  return {
    kid,
    alg: ALG,
    publicJwk: { ...publicJwk, kid, alg: ALG, use: 'sig' },
    privateSealed: seal(signingKeyPlace(kid), JSON.stringify(await exportJWK(pair.privateKey))),
  };
}
