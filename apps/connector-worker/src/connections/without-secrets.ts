import { type LoadedConnection, UpstreamFailure } from '../connector.js';

type Secrets = Pick<LoadedConnection, 'headers' | 'env'>;

/** Shorter values are words like "1" or "true", which would tear sentences apart. */
const MIN_SECRET = 6;
const MAX_SENTENCE = 400;

/**
 * A sentence that quotes an upstream, for people who may not see what the connection holds: services
 * repeat the key that they refuse. Shortened only after that, so that no part of a secret is left.
 */
export function withoutSecrets(sentence: string, secrets: Secrets): string {
  const told = secretsTakenOut(sentence, secrets);
  return told.length > MAX_SENTENCE ? `${told.slice(0, MAX_SENTENCE - 1)}…` : told;
}

/** The whole text without what the connection holds. */
export function secretsTakenOut(text: string, { headers, env }: Secrets): string {
  // The scheme stands before the credential: "Bearer …".
  const secrets = [...Object.values(headers), ...Object.values(env)]
    .flatMap((value) => [value, ...value.split(/\s+/)])
    .filter((value) => value.length >= MIN_SECRET && !/^(bearer|basic|digest|token)$/i.test(value))
    .sort((one, other) => other.length - one.length);
  return secrets.reduce((told, secret) => told.replaceAll(secret, '[redacted]'), text);
}

/** The same failure, told without the connection's secrets. */
export function failureWithoutSecrets(error: unknown, secrets: Secrets): unknown {
  if (!(error instanceof UpstreamFailure)) return error;
  const told = withoutSecrets(error.message, secrets);
  return told === error.message
    ? error
    : new UpstreamFailure(error.kind, told, { cause: error.cause });
}
