import type { CallResult } from '@conducktor/contracts';
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
  const told = textWithout(secretsOf(secrets), sentence);
  return told.length > MAX_SENTENCE ? `${told.slice(0, MAX_SENTENCE - 1)}…` : told;
}

/**
 * What an upstream says went wrong, for the same people. What went well stays as it is, byte for byte:
 * there, a word that a connection happens to hold is more often the answer than the secret.
 */
export function resultWithoutSecrets<Result extends Pick<CallResult, 'outcome'>>(
  result: Result & Pick<CallResult, 'error' | 'resultJson'>,
  connection: Secrets,
): Result {
  if (result.outcome !== 'error') return result;
  const { error, resultJson } = result;
  const secrets = secretsOf(connection);
  const isTold = secrets.some((secret) =>
    written(secret).some((text) => resultJson?.includes(text)),
  );
  return {
    ...result,
    ...(error && { error: valueWithout(secrets, error) }),
    ...(isTold && { resultJson: JSON.stringify(valueWithout(secrets, JSON.parse(resultJson!))) }),
  };
}

/** A copy of a JSON value in which no text holds what the connection does. */
export function valueWithoutSecrets<Value>(value: Value, connection: Secrets): Value {
  return valueWithout(secretsOf(connection), value) as Value;
}

function valueWithout(secrets: readonly string[], value: unknown): unknown {
  if (typeof value === 'string') return textWithout(secrets, value);
  if (Array.isArray(value)) return value.map((part) => valueWithout(secrets, part));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, valueWithout(secrets, part)]),
  );
}

const textWithout = (secrets: readonly string[], text: string): string =>
  secrets.reduce((told, secret) => told.replaceAll(secret, '[redacted]'), text);

/** The longest first. */
function secretsOf({ headers, env }: Secrets): string[] {
  // The scheme stands before the credential: "Bearer …".
  return [...Object.values(headers), ...Object.values(env)]
    .flatMap((value) => [value, ...value.split(/\s+/)])
    .filter((value) => value.length >= MIN_SECRET && !/^(bearer|basic|digest|token)$/i.test(value))
    .sort((one, other) => other.length - one.length);
}

/** In JSON; PHP's escapes slashes. */
function written(secret: string): string[] {
  const text = JSON.stringify(secret).slice(1, -1);
  return [text, text.replaceAll('/', '\\/')];
}

/** The same failure, told without the connection's secrets. */
export function failureWithoutSecrets(error: unknown, secrets: Secrets): unknown {
  if (!(error instanceof UpstreamFailure)) return error;
  const told = withoutSecrets(error.message, secrets);
  return told === error.message
    ? error
    : new UpstreamFailure(error.kind, told, { cause: error.cause });
}
