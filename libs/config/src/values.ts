import { isIP } from 'node:net';
import { z } from 'zod';

/** Comma-separated; blanks around items and empty items are dropped. */
export const list = (text: string) =>
  z
    .string()
    .default(text)
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    );

/** A whole number written in decimal. */
export const integer = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d+$/, 'is not a whole number')
    .transform(Number)
    .refine(
      (value) => value >= minimum && value <= maximum,
      `is not between ${minimum} and ${maximum}`,
    );

export const port = integer(1, 65535);

/** An origin without path, query or trailing slash: `https://mcp.example.com`. */
export const origin = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    context.addIssue('is not an http or https address');
    return z.NEVER;
  }
  if (url.pathname !== '/' || url.search || url.hash || url.username) {
    context.addIssue('must be an origin, without path, query or credentials');
    return z.NEVER;
  }
  return url.origin;
});

/** A connection URL of one of these schemes. */
export const connectionUrl = (...schemes: string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1)),
      `is not a ${schemes[0]}:// address`,
    );

/** `host:port` items, comma-separated. */
export const addresses = z
  .string()
  .transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  )
  .refine(
    (items) =>
      items.length > 0 && items.every((item) => /^[^\s:]+:\d+$|^\[[0-9a-f:]+\]:\d+$/i.test(item)),
    'is not a list of host:port',
  );

/** Addresses and CIDR ranges, or `loopback`, comma-separated. */
export const networks = list('').refine(
  (items) => items.every(isNetwork),
  'is not a list of addresses, CIDR ranges or "loopback"',
);

function isNetwork(item: string): boolean {
  if (item === 'loopback') return true;
  const [ip = '', bits, ...more] = item.split('/');
  const family = isIP(ip);
  if (family === 0 || more.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
  );
}

/** Base64url of at least 32 bytes. */
export const secretKey = z
  .string()
  .refine(
    (value) => /^[A-Za-z0-9_-]+=*$/.test(value) && Buffer.from(value, 'base64url').length >= 32,
    'is not base64url of at least 32 random bytes',
  );
