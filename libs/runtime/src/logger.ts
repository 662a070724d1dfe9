import { pino, type DestinationStream, type Logger } from 'pino';
import { withoutSecrets } from './without-secrets.js';

export type { Logger };

// Redaction at the last write: whatever a caller passes, these keys never reach a log line.
const SECRET_KEYS = [
  'authorization',
  'Authorization',
  'cookie',
  'set-cookie',
  'password',
  'secret',
  'client_secret',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'code_verifier',
  'apiKey',
  'api_key',
  'secretKey',
  'headers',
  'env',
];

/**
 * A JSON-lines logger on standard output, one per process: `level` in words, `service`, `time` in
 * ISO 8601, `msg`. Level from `LOG_LEVEL` (default `info`). Secrets are taken out by the name of their
 * field, and what looks like one out of the whole line: messages of errors quote addresses and headers.
 */
export function createLogger(
  service: string,
  level = process.env['LOG_LEVEL'] ?? 'info',
  destination?: DestinationStream,
): Logger {
  const options = {
    name: service,
    level: level.toLowerCase(),
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: SECRET_KEYS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]),
      censor: '[redacted]',
    },
    hooks: { streamWrite: withoutSecrets },
  };
  return destination ? pino(options, destination) : pino(options);
}
