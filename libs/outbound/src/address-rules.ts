import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;
type Range = ReturnType<typeof ipaddr.parseCIDR>;

export interface AddressRulesOptions {
  /**
   * What is open beside the public internet: CIDR ranges, single addresses, exact host names, or the
   * words `loopback` (127.0.0.0/8, ::1) and `private` (RFC 1918, fc00::/7).
   */
  allow: readonly string[];
  /** Ports never called on an address that is opened or belongs to this machine: Conducktor's own. */
  denyPorts: readonly number[];
}

export interface AddressRules {
  /** Why this address may not be called, or undefined when it may. */
  refuse(address: string, target: { host: string; port: number }): string | undefined;
}

const WORDS: Record<string, string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

// Credentials of the machine itself lie behind these: only naming the very range opens them, not a
// wider one that happens to hold them, and not a host name.
const METADATA = [
  '169.254.0.0/16',
  '100.100.100.200/32',
  '192.0.0.192/32',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
];

const GLOBAL_V6 = ipaddr.parseCIDR('2000::/3');

/** Throws with the item that is neither a range, an address, a host name nor one of the words. */
export function createAddressRules(options: AddressRulesOptions): AddressRules {
  const items = options.allow.flatMap((item) => WORDS[item] ?? [item]);
  const ranges = items.filter(isRange).map((item) => parseRange(item));
  const hosts = new Set(items.filter((item) => !isRange(item)).map(hostName));
  const metadata = METADATA.map((item) => parseRange(item));
  const denied = new Set(options.denyPorts);

  return {
    refuse(text, { host, port }) {
      if (!ipaddr.isValid(text)) return 'it has no usable address';
      const address = ipaddr.parse(text);
      const open = isPublic(address);
      if (!open) {
        const meta = metadata.find((range) => inside(address, range));
        const opened = ranges.some(
          (range) => inside(address, range) && (!meta || range[1] >= meta[1]),
        );
        if (!opened && (meta || !hosts.has(hostName(host)))) {
          return 'its address is private, reserved or local, and the operator has not opened it (OUTBOUND_ALLOW)';
        }
      }
      if (denied.has(port) && (!open || isOwn(address)))
        return 'it is an internal port of Conducktor';
      return undefined;
    },
  };
}

function isPublic(address: Address): boolean {
  if (address.kind() === 'ipv4') return address.range() === 'unicast';
  // Nothing else of IPv6 is routed; the tunnels inside it (6to4, Teredo) are no unicast range either.
  return inside(address, GLOBAL_V6) && address.range() === 'unicast' && !isIsatap(address);
}

/** ISATAP (RFC 5214) carries an IPv4 address, perhaps a private one, behind these words. */
function isIsatap(address: Address): boolean {
  const bytes = address.toByteArray();
  return (bytes[8]! & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
}

function inside(address: Address, [network, bits]: Range): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}

const isRange = (item: string): boolean => item.includes('/') || ipaddr.isValid(item);

function parseRange(item: string): Range {
  try {
    if (item.includes('/')) return ipaddr.parseCIDR(item);
    const address = ipaddr.parse(item);
    return [address, address.kind() === 'ipv4' ? 32 : 128] as Range;
  } catch {
    throw new Error(`OUTBOUND_ALLOW: "${item}" is no range such as 10.1.0.0/16.`);
  }
}

function hostName(item: string): string {
  const name = item.toLowerCase().replace(/\.$/, '');
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) && !ipaddr.isValid(name)) {
    throw new Error(`OUTBOUND_ALLOW: "${item}" is neither a range nor a host name.`);
  }
  return name;
}

let own = { at: 0, addresses: new Set<string>() };
function isOwn(address: Address): boolean {
  // Interfaces change rarely; asking for them at every connection would cost more than the check.
  if (Date.now() - own.at > 10_000) {
    const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    own = {
      at: Date.now(),
      addresses: new Set(all.map((entry) => ipaddr.parse(entry.address).toNormalizedString())),
    };
  }
  return own.addresses.has(address.toNormalizedString());
}
