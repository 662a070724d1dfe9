import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** The address that a request came from, as far as it can be known. */
export type SourceIp = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string;

/** Whoever reads a chain of proxies longer than this is being kept busy. */
const MAX_HOPS = 32;

/** Where proxies of one's own stand: a header from elsewhere is more likely a forgery than a setting missed. */
const NEAR = ['loopback', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'];

/**
 * The peer's address; where the peer is a proxy that is trusted, the right-most hop of X-Forwarded-For
 * that is not: what stands to the left of it is the client's word. `trusted`: CIDR ranges, addresses, or
 * `loopback`, as the configuration has checked. `onMissed` hears once of a peer near by that forwards
 * and is not trusted: behind it everybody counts as one address.
 */
export function createSourceIp(
  trusted: readonly string[],
  onMissed: (peer: string) => void = () => {},
): SourceIp {
  const proxies = rangesOf(trusted);
  const near = rangesOf(NEAR);
  const within = (ranges: BlockList, ip: string) =>
    ranges.check(ip, ip.includes(':') ? 'ipv6' : 'ipv4');
  const isTrusted = (ip: string) => within(proxies, ip);
  let missed = false;
  return ({ headers, socket }) => {
    let source = plain(socket.remoteAddress ?? '');
    const said = headers['x-forwarded-for'];
    if (said === undefined || source === '') return source;
    if (!isTrusted(source)) {
      if (!missed && within(near, source)) {
        missed = true;
        onMissed(source);
      }
      return source;
    }
    // Several headers are one list (RFC 9110, section 5.3).
    const hops = (Array.isArray(said) ? said.join() : said).split(',').slice(-MAX_HOPS);
    for (let hop = hops.pop(); hop !== undefined; hop = hops.pop()) {
      const ip = addressOf(hop);
      // A proxy that writes no address says nothing of who is behind it.
      if (ip === undefined) return source;
      source = ip;
      if (!isTrusted(ip)) return source;
    }
    return source;
  };
}

function rangesOf(trusted: readonly string[]): BlockList {
  const ranges = new BlockList();
  for (const item of trusted) {
    if (item === 'loopback') {
      ranges.addSubnet('127.0.0.0', 8, 'ipv4');
      ranges.addAddress('::1', 'ipv6');
      continue;
    }
    const [ip = '', bits] = item.split('/');
    const family = ip.includes(':') ? 'ipv6' : 'ipv4';
    ranges.addSubnet(ip, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return ranges;
}

/** Some proxies write the port as well: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressOf(hop: string): string | undefined {
  const text = hop.trim();
  const ip = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(ip) === 0 ? undefined : plain(ip);
}

/** An IPv4 address as a socket for both families writes it is the same address. */
function plain(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip;
}
