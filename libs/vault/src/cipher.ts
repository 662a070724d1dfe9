import { createCipheriv, createDecipheriv, randomFillSync, type KeyObject } from 'node:crypto';

const VERSION = 1;
const NONCE = 12;
const TAG = 16;

// Nonces are drawn in bulk: one system call for a thousand. Each is used once.
const nonces = Buffer.alloc(NONCE * 1_024);
let nextNonce = nonces.length;

function drawNonce(): Buffer {
  if (nextNonce === nonces.length) {
    randomFillSync(nonces);
    nextNonce = 0;
  }
  return nonces.subarray(nextNonce, (nextNonce += NONCE));
}

/**
 * AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. Layout: version 1 byte · nonce 12 ·
 * tag 16 · ciphertext. `aad` binds the box to its place; the same words are needed to open it.
 * One key seals far fewer than 2^32 boxes: tenant and subject keys are many. A KeyObject, because
 * Node copies and checks a raw key anew for every cipher, which costs twice the encryption.
 */
export function seal(key: KeyObject, aad: string, plaintext: Uint8Array | string): Buffer {
  const nonce = drawNonce();
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(aad));
  const first =
    typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext);
  // GCM is a stream: all of the ciphertext is there before the end.
  cipher.final();
  const box = Buffer.allocUnsafe(1 + NONCE + TAG + first.length);
  box[0] = VERSION;
  nonce.copy(box, 1);
  cipher.getAuthTag().copy(box, 1 + NONCE);
  first.copy(box, 1 + NONCE + TAG);
  return box;
}

/** Opens what `seal` made; throws when the key, the place or a single byte differs. */
export function open(key: KeyObject, aad: string, box: Uint8Array): Buffer {
  const bytes = Buffer.from(box.buffer, box.byteOffset, box.byteLength);
  if (bytes.length < 1 + NONCE + TAG || bytes[0] !== VERSION) {
    throw new Error('This is not a sealed value of a known version.');
  }
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + NONCE), {
    authTagLength: TAG,
  });
  decipher.setAAD(Buffer.from(aad));
  decipher.setAuthTag(bytes.subarray(1 + NONCE, 1 + NONCE + TAG));
  return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE + TAG)), decipher.final()]);
}
