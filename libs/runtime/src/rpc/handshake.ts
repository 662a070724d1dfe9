import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { FrameError } from './frame-reader.js';

/** Both sides must have proved themselves this many milliseconds after the connection. */
export const HANDSHAKE_MS = 2_000;
/** No handshake frame is longer; a stranger gets no larger buffer. */
export const HANDSHAKE_FRAME_BYTES = 1_024;
export const RPC_VERSION = 2;

/** worker → dialler */
export interface Challenge {
  version: number;
  nonce: string;
}
/** dialler → worker */
export interface Proof {
  nonce: string;
  instanceId: string;
  /** Whether outcomes of calls of lost gateways may be given to this one: it keeps a journal. */
  takesLate: boolean;
  mac: string;
}
/** worker → dialler */
export interface Welcome {
  mac: string;
}

export const newNonce = (): string => randomBytes(32).toString('base64url');

/** What both sides prove over. */
export interface ProofParts {
  workerNonce: string;
  diallerNonce: string;
  instanceId: string;
  takesLate: boolean;
}

/**
 * HMAC-SHA256 over the role of the one who proves, both nonces and what the dialler says of itself. The role
 * keeps a proof from being sent back as the other side's; the nonces keep it from being replayed.
 */
export function prove(key: Buffer, role: 'dialler' | 'worker', parts: ProofParts): string {
  return createHmac('sha256', key)
    .update(
      JSON.stringify([
        'conducktor-rpc',
        RPC_VERSION,
        role,
        parts.workerNonce,
        parts.diallerNonce,
        parts.instanceId,
        parts.takesLate,
      ]),
    )
    .digest('base64url');
}

/** Compares in constant time; throws FrameError when the other side does not hold the key. */
export function verify(expected: string, given: unknown): void {
  const a = Buffer.from(expected);
  const b = Buffer.from(typeof given === 'string' ? given : '');
  if (a.length !== b.length || !timingSafeEqual(a, b)) {
    throw new FrameError('The other side does not hold the key of this installation.');
  }
}

/** A nonce must be 32 bytes, a name 1–128 characters. */
export function checkChallenge(message: Challenge): Challenge {
  if (message?.version !== RPC_VERSION)
    throw new FrameError(
      `The other side speaks another version of the protocol (${String(message?.version)}).`,
    );
  return { version: message.version, nonce: checkNonce(message.nonce) };
}
export function checkProof(message: Proof): Proof {
  const { instanceId } = message ?? {};
  if (typeof instanceId !== 'string' || instanceId.length < 1 || instanceId.length > 128)
    throw new FrameError('A dialler must give its name.');
  return {
    nonce: checkNonce(message.nonce),
    instanceId,
    takesLate: message.takesLate === true,
    mac: message.mac,
  };
}
function checkNonce(nonce: unknown): string {
  if (typeof nonce !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(nonce))
    throw new FrameError('A nonce must be 32 bytes.');
  return nonce;
}
