import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { addFirstSigningKey, readSealedSigningKeys, type Db } from '@conducktor/db';
import type { Vault } from '@conducktor/vault';

const ALG = 'ES256';

/**
 * The private keys that sign, newest first, out of the vault. Makes the first one when there is
 * none; processes that start together end up with the same.
 */
export async function loadSigningKeys(deps: { db: Db; vault: Vault }): Promise<JWK[]> {
  const known = await openKeys(deps);
  if (known.length > 0) return known;
  await makeFirstKey(deps);
  return openKeys(deps);
}

async function makeFirstKey({ db, vault }: { db: Db; vault: Vault }): Promise<void> {
  const pair = await generateKeyPair(ALG, { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const privateJwk = JSON.stringify(await exportJWK(pair.privateKey));
  await addFirstSigningKey(db, {
    kid,
    alg: ALG,
    publicJwk: { ...publicJwk, kid, alg: ALG, use: 'sig' },
    privateSealed: vault.sealForInstall(place(kid), privateJwk),
  });
}

async function openKeys({ db, vault }: { db: Db; vault: Vault }): Promise<JWK[]> {
  const rows = await readSealedSigningKeys(db);
  return rows.map((row) => {
    const text = vault.openForInstall(place(row.kid), row.privateSealed).toString('utf8');
    return { ...(JSON.parse(text) as JWK), kid: row.kid, alg: row.alg, use: 'sig' };
  });
}

const place = (kid: string) => `signing_key/private/${kid}`;
