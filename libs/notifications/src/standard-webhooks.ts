import { createHmac, timingSafeEqual } from 'node:crypto';

const PREFIX = 'whsec_';
/** How old or how early a message may be, in seconds: against one that was recorded and is sent again. */
const TOLERANCE = 300;

/** The key in `whsec_<base64 of 24 to 64 bytes>`; throws for anything else. */
function parseSigningSecret(secret: string): Buffer {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  if (!secret.startsWith(PREFIX) || key.length < 24 || key.length > 64) {
    throw new Error('This is no signing secret.');
  }
  return key;
}

/**
 * Headers of a signed message (Standard Webhooks 1.0, symmetric): HMAC-SHA256 over
 * `<id>.<seconds>.<body>`. The id is the message's, the moment is the attempt's.
 */
export function signWebhook(secret: string, id: string, at: Date, body: string) {
  const seconds = String(Math.floor(at.getTime() / 1000));
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': `v1,${signatureOf(secret, id, seconds, body).toString('base64')}`,
  };
}

/** Whether `body` came with these headers from whoever holds the secret, within five minutes of `now`. */
export function verifyWebhook(
  secret: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
  now = new Date(),
): boolean {
  const [id, seconds, signatures] = ['id', 'timestamp', 'signature'].map((name) =>
    String(headers[`webhook-${name}`] ?? ''),
  ) as [string, string, string];
  if (!/^\d{1,12}$/.test(seconds)) return false;
  if (Math.abs(now.getTime() / 1000 - Number(seconds)) > TOLERANCE) return false;
  const wanted = signatureOf(secret, id, seconds, body);
  return signatures.split(' ').some((each) => {
    const [version, given = ''] = each.split(',');
    const bytes = Buffer.from(given, 'base64');
    return version === 'v1' && bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
  });
}

function signatureOf(secret: string, id: string, seconds: string, body: string): Buffer {
  return createHmac('sha256', parseSigningSecret(secret))
    .update(`${id}.${seconds}.${body}`)
    .digest();
}
