import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { CheckedCall } from '../tool-call/types.js';
import type { RequestState } from './rounds.js';

/** As long as a worker waits for a reply. */
const LIVES_MS = 10 * 60_000;
const NONCE = 12;
const TAG = 16;

type Opened = { ok: true; state: RequestState } | { ok: false; why: 'expired' | 'not-ours' };

/**
 * `requestState` of 2026-07-28: what a client brings back with its answers, sealed with AES-256-GCM. It
 * opens only for the person, client, request, arguments and connection it was made for, for ten
 * minutes (as long as it takes where it is about an approval), on any gateway. Whatever is wrong with one
 * is told as the same thing, but for its age.
 */
export class RequestStates {
  /** @param key deriveKey(SECRET_KEY, 'request-state') */
  constructor(
    private readonly key: Buffer,
    private readonly now: () => number = Date.now,
  ) {}

  seal(call: CheckedCall, state: RequestState): string {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(boundTo(call));
    const text = JSON.stringify({ until: this.now() + LIVES_MS, state });
    const sealed = [cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]).toString('base64url');
  }

  open(call: CheckedCall, text: unknown): Opened {
    if (typeof text !== 'string') return NOT_OURS;
    const bytes = Buffer.from(text, 'base64url');
    // Node skips what is not base64url; two texts must not be the same state.
    if (bytes.length <= NONCE + TAG || bytes.toString('base64url') !== text) return NOT_OURS;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, NONCE))
        .setAAD(boundTo(call))
        .setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
      const opened = [decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()];
      const { until, state } = JSON.parse(Buffer.concat(opened).toString('utf8')) as {
        until: number;
        state: RequestState;
      };
      // What others decide takes longer than a form; such a state says only what was shown.
      const isGood = until > this.now() || state.kind === 'approval';
      return isGood ? { ok: true, state } : { ok: false, why: 'expired' };
    } catch {
      return NOT_OURS;
    }
  }
}

const NOT_OURS = { ok: false, why: 'not-ours' } as const;

function boundTo({ caller, tool, sent, argumentsHash }: CheckedCall): Buffer {
  return Buffer.from(
    JSON.stringify([
      caller.workspace.tenantId,
      caller.member.id,
      caller.clientId,
      sent.method,
      tool.shownName,
      sent.name,
      argumentsHash,
      tool.connection.id,
    ]),
  );
}
