import { pino, type Logger } from 'pino';

export type { Logger };

// Redaction at the last write: whatever a caller passes, these keys never reach a log line.
const SECRET_KEYS = [
  'authorization',
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

/** A JSON-lines logger on standard output, one per process. Level from `LOG_LEVEL` (default `info`). */
export function createLogger(service: string, level = process.env['LOG_LEVEL'] ?? 'info'): Logger {
  return pino({
    name: service,
    level: level.toLowerCase(),
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: SECRET_KEYS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]),
      censor: '[redacted]',
    },
  });
}
