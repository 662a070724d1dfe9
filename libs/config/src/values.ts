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

const HOST_PORT = /^[^\s:]+:\d+$|^\[[0-9a-f:]+\]:\d+$/i;
/** Longer ones fit into no sockaddr_un. */
const MAX_SOCKET_PATH = 100;

/** Whether a Unix socket can be at this absolute path. */
export const canHoldSocket = (path: string): boolean =>
  path.startsWith('/') && Buffer.byteLength(path) <= MAX_SOCKET_PATH;

/** Where a Unix socket is, as an absolute path. */
export const socketPath = z
  .string()
  .refine(canHoldSocket, `is not an absolute path of at most ${MAX_SOCKET_PATH} bytes`);

const addressesThat = (isAddress: (item: string) => boolean, words: string) =>
  z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .refine((items) => items.length > 0 && items.every(isAddress), words);

/** `host:port` items, comma-separated. */
export const addresses = addressesThat(
  (item) => HOST_PORT.test(item),
  'is not a list of host:port',
);

/** `host:port` items or paths of Unix sockets, comma-separated. */
export const workerAddresses = addressesThat(
  (item) => canHoldSocket(item) || HOST_PORT.test(item),
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

/** Browser origins, comma-separated, as browsers send them: `https://chatgpt.com`. */
export const origins = (text: string) =>
  list(text).refine(
    (items) => items.every((item) => URL.parse(item)?.origin === item && /^https?:/.test(item)),
    'is not a list of origins such as https://chatgpt.com, without path or trailing slash',
  );

/** Redirect addresses (RFC 6749 section 3.1.2), comma-separated: absolute, without a fragment. */
export const redirects = list('').refine(
  (items) =>
    items.every((item) => {
      const url = URL.parse(item);
      return url !== null && !item.includes('#') && !/^(javascript|data|file|blob):/i.test(item);
    }),
  'is not a list of absolute addresses without "#"',
);

/** Scopes (RFC 6749 section 3.3), separated by blanks. */
export const scopes = (text: string) =>
  z
    .string()
    .regex(/^[\x21\x23-\x5B\x5D-\x7E]+( +[\x21\x23-\x5B\x5D-\x7E]+)*$/, 'is not a list of scopes')
    .default(text);

/** What outgoing requests may reach beside the public internet. */
export const outboundTargets = list('').refine(
  (items) =>
    items.every(
      (item) =>
        item === 'loopback' ||
        item === 'private' ||
        isNetwork(item) ||
        /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$/i.test(
          item,
        ),
    ),
  'is not a list of CIDR ranges, addresses, host names, "loopback" or "private"',
);

/** Base64url of at least 32 bytes. */
export const secretKey = z
  .string()
  .refine(
    (value) => /^[A-Za-z0-9_-]+=*$/.test(value) && Buffer.from(value, 'base64url').length >= 32,
    'is not base64url of at least 32 random bytes',
  );
