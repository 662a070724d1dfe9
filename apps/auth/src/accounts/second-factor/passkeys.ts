import { isIP } from 'node:net';
import { newId } from '@conducktor/contracts';
import {
  findPasskey,
  notePasskeyUse,
  passkeysOf,
  type Db,
  type NewPasskey,
  type Passkey,
  type UserAccount,
} from '@conducktor/db';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { z } from 'zod';
import type { Challenges, Purpose } from './challenges.js';

/** Passkeys of one person. */
export const PASSKEYS_MAX = 20;
const ASKING_MS = 5 * 60_000;
// ES256, EdDSA, RS256: what devices have.
const ALGORITHMS = [-7, -8, -257];

export interface PasskeyDeps {
  db: Db;
  challenges: Challenges;
  publicUrl: string;
}

/** The relying party (WebAuthn section 5.4.2); undefined where no browser would use passkeys: an IP address. */
export function relyingParty(publicUrl: string): string | undefined {
  const { hostname, protocol } = new URL(publicUrl);
  if (isIP(hostname.replace(/^\[|\]$/g, ''))) return undefined;
  return protocol === 'https:' || /(^|\.)localhost$/.test(hostname) ? hostname : undefined;
}

/** Options for `navigator.credentials.create`, as JSON; undefined where there are no passkeys. */
export async function creationOptions(
  deps: PasskeyDeps,
  user: UserAccount,
  browser: string,
): Promise<string | undefined> {
  const rpID = relyingParty(deps.publicUrl);
  if (rpID === undefined) return undefined;
  const challenge = deps.challenges.issue({ browser, purpose: 'add', userId: user.id });
  const options = await generateRegistrationOptions({
    rpName: 'Conducktor',
    rpID,
    userName: user.email,
    userDisplayName: user.displayName,
    userID: Buffer.from(user.id),
    challenge: Buffer.from(challenge, 'base64url'),
    timeout: ASKING_MS,
    supportedAlgorithmIDs: ALGORITHMS,
    // Security keys without a PIN may be second factors; signing in with nothing else takes one.
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
    excludeCredentials: descriptors(await passkeysOf(deps.db, user.id)),
  });
  return JSON.stringify(options);
}

/**
 * Options for `navigator.credentials.get`, as JSON. Without `userId` in the purpose any passkey of this
 * server may answer that the device keeps by itself and that checks who holds it.
 */
export async function requestOptions(
  deps: PasskeyDeps,
  purpose: Purpose,
): Promise<string | undefined> {
  const rpID = relyingParty(deps.publicUrl);
  if (rpID === undefined) return undefined;
  const options = await generateAuthenticationOptions({
    rpID,
    challenge: Buffer.from(deps.challenges.issue(purpose), 'base64url'),
    timeout: ASKING_MS,
    userVerification: purpose.userId === undefined ? 'required' : 'preferred',
    allowCredentials:
      purpose.userId === undefined ? [] : descriptors(await passkeysOf(deps.db, purpose.userId)),
  });
  return JSON.stringify(options);
}

/** The passkey that a browser made, to be kept; undefined when its answer is not to a question of ours. */
export async function checkNewPasskey(
  deps: PasskeyDeps,
  added: { user: UserAccount; browser: string; name: string; answer: string },
): Promise<NewPasskey | undefined> {
  const { user, browser } = added;
  const response = parsed<RegistrationResponseJSON>(added.answer);
  const rpID = relyingParty(deps.publicUrl);
  if (!response || rpID === undefined) return undefined;
  const purpose: Purpose = { browser, purpose: 'add', userId: user.id };
  const result = await verifyRegistrationResponse({
    response,
    expectedChallenge: (challenge) => deps.challenges.take(challenge, purpose),
    expectedOrigin: deps.publicUrl,
    expectedRPID: rpID,
    requireUserVerification: false,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(() => undefined);
  if (!result?.verified) return undefined;
  const { credential, credentialDeviceType, credentialBackedUp } = result.registrationInfo;
  return {
    id: newId('pak'),
    userId: user.id,
    credentialId: credential.id,
    publicKey: Buffer.from(credential.publicKey),
    counter: credential.counter,
    transports: (credential.transports ?? []).slice(0, 8),
    synced: credentialDeviceType === 'multiDevice',
    backedUp: credentialBackedUp,
    name: added.name,
  };
}

/**
 * The passkey that answered, its use noted; undefined when the answer is wrong, was used before, is
 * somebody else's, or comes from a copy whose counter fell behind.
 */
export async function checkPasskey(
  deps: PasskeyDeps,
  answer: string,
  purpose: Purpose,
): Promise<Passkey | undefined> {
  const response = parsed<AuthenticationResponseJSON>(answer);
  const rpID = relyingParty(deps.publicUrl);
  if (!response || rpID === undefined) return undefined;
  const passkey = await findPasskey(deps.db, response.id);
  if (!passkey || (purpose.userId !== undefined && passkey.userId !== purpose.userId))
    return undefined;
  const result = await verifyAuthenticationResponse({
    response,
    expectedChallenge: (challenge) => deps.challenges.take(challenge, purpose),
    expectedOrigin: deps.publicUrl,
    expectedRPID: rpID,
    credential: {
      id: passkey.credentialId,
      publicKey: new Uint8Array(passkey.publicKey),
      counter: passkey.counter,
    },
    requireUserVerification: purpose.userId === undefined,
  }).catch(() => undefined);
  if (!result?.verified) return undefined;
  const { newCounter, credentialBackedUp } = result.authenticationInfo;
  const use = { id: passkey.id, counter: newCounter, backedUp: credentialBackedUp };
  return (await notePasskeyUse(deps.db, use)) ? passkey : undefined;
}

/** How it proves itself, in the words of RFC 8176. */
export const methodOf = (passkey: Passkey): 'hwk' | 'swk' => (passkey.synced ? 'swk' : 'hwk');

const descriptors = (passkeys: Passkey[]) =>
  passkeys.map(({ credentialId, transports }) => ({ id: credentialId, transports }));

// Only what is looked at before the library looks at all of it.
const answerShape = z.looseObject({
  id: z.string().min(1).max(2048),
  response: z.looseObject({ clientDataJSON: z.string() }),
});

function parsed<Response>(answer: string): Response | undefined {
  try {
    const json: unknown = JSON.parse(answer);
    return answerShape.safeParse(json).success ? (json as Response) : undefined;
  } catch {
    return undefined;
  }
}
