import { lookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressRules } from './address-rules.js';
import { OutboundRefused } from './refusal.js';

/** `port` is for tests: a server that stands in for a name cannot always have the port of that name. */
export type ResolvedAddress = LookupAddress & { port?: number };
export type Resolve = (host: string) => Promise<ResolvedAddress[]>;

/** The system's resolver, so that /etc/hosts and the cluster's names count. */
export const systemResolve: Resolve = (host) =>
  new Promise((resolve, reject) =>
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses))),
  );

/**
 * Opens connections of one origin. Each one resolves the name once, checks every address it got and
 * connects to one of exactly those, so that a name that answers differently the next time gains
 * nothing. A name with one address that may not be called is refused as a whole.
 */
export function guardedConnector(deps: {
  rules: AddressRules;
  resolve: Resolve;
  timeoutMs: number;
  ca?: string | undefined;
}): buildConnector.connector {
  let checked: ResolvedAddress[] = [];
  // Called within the `connect` below, in the same turn; even a later call would get addresses that
  // were checked for this origin.
  const lookupChecked: LookupFunction = (_host, options, callback) => {
    if (options.all) return callback(null, checked);
    callback(null, checked[0]!.address, checked[0]!.family);
  };
  const connect = buildConnector({
    allowH2: false,
    timeout: deps.timeoutMs,
    lookup: lookupChecked,
    autoSelectFamily: true,
    keepAlive: true,
    ...(deps.ca === undefined ? {} : { ca: deps.ca }),
  });
  return (options, callback) => {
    addressesOf(deps, options)
      .then((addresses) => {
        checked = addresses;
        const port = addresses[0]!.port;
        connect(port === undefined ? options : { ...options, port: String(port) }, callback);
      })
      .catch((error: Error) => callback(error, null));
  };
}

async function addressesOf(
  deps: { rules: AddressRules; resolve: Resolve; timeoutMs: number },
  options: buildConnector.Options,
): Promise<ResolvedAddress[]> {
  if (options.protocol !== 'http:' && options.protocol !== 'https:') {
    throw new OutboundRefused('Only http and https addresses can be called.');
  }
  const host = options.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
  const family = isIP(host);
  const addresses = family
    ? [{ address: host, family }]
    : await within(deps.timeoutMs, deps.resolve(host), host);
  if (addresses.length === 0) throw new OutboundRefused(`${host} has no address.`);
  for (const { address } of addresses) {
    const reason = deps.rules.refuse(address, { host, port });
    if (reason) throw new OutboundRefused(`${host} cannot be called: ${reason}.`);
  }
  return addresses;
}

function within<T>(ms: number, work: Promise<T>, host: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          Object.assign(new Error(`The name ${host} was not resolved in time.`), {
            code: 'ETIMEOUT',
          }),
        ),
      ms,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
