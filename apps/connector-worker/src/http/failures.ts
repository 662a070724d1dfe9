import { OutboundRefused } from '@conducktor/outbound';
import { UpstreamFailure } from '../connector.js';
import type { HttpReply } from './http-exchange.js';

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens at its address',
  ENOTFOUND: 'its name does not resolve',
  EAI_AGAIN: 'its name does not resolve right now',
  ETIMEOUT: 'its name was not resolved in time',
  ETIMEDOUT: 'it does not answer at its address',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer at its address',
  EHOSTUNREACH: 'its network is not reachable',
  ENETUNREACH: 'its network is not reachable',
  ECONNRESET: 'it closes the connection',
  UND_ERR_SOCKET: 'it closes the connection',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority',
};

/** Nothing was sent: why, in words. */
export function notReachable(error: Error): UpstreamFailure {
  if (error instanceof OutboundRefused) return new UpstreamFailure('configuration', error.message);
  const code = codeOf(error);
  const words = WORDS[code] ?? `connecting failed${code ? ` (${code})` : ''}`;
  return new UpstreamFailure('unavailable', `The server cannot be reached: ${words}.`);
}

function codeOf(error: Error): string {
  const inner =
    error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined;
  return String(
    (error as NodeJS.ErrnoException).code ??
      (inner as NodeJS.ErrnoException | undefined)?.code ??
      '',
  );
}

/** A reply without an answer to the request: what that means, given that the request was sent. */
export function withoutAnswer(reply: HttpReply): UpstreamFailure {
  const { status } = reply;
  if (status === 401)
    return new UpstreamFailure(
      'auth',
      'The server refused the credentials of this connection (HTTP 401).',
    );
  if (status === 403)
    return new UpstreamFailure(
      'auth',
      'The credentials of this connection are not allowed to do this (HTTP 403).',
    );
  if (reply.tooLarge) return new UpstreamFailure('protocol', "The server's answer is too large.");
  if (reply.broken)
    return new UpstreamFailure(
      'unknown',
      'The connection to the server was lost; whether it acted is not known.',
    );
  if (status >= 300 && status < 400) {
    return new UpstreamFailure(
      'protocol',
      `The server redirects (HTTP ${status}); redirects are not followed, enter the final address.`,
    );
  }
  if (status >= 400) return new UpstreamFailure('protocol', `The server answered HTTP ${status}.`);
  return new UpstreamFailure(
    'unknown',
    'The server ended its answer without a result; whether it acted is not known.',
  );
}
