/**
 * Who may address us, and from where. A page whose name was rebound to our address brings its own
 * Host and Origin; both are checked against lists, so it gets nothing (MCP transports, DNS rebinding).
 */
export interface OriginRules {
  allowsHost(host: string | undefined, rawHeaders: readonly string[]): boolean;
  /** No Origin at all is no browser, and passes. */
  allowsOrigin(origin: string | undefined): boolean;
}

export interface OriginOptions {
  publicUrl: string;
  corsOrigins: readonly string[];
  /** Loopback names, any port, count as ours: on one machine, not in production. */
  allowLoopback: boolean;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

export function createOriginRules(options: OriginOptions): OriginRules {
  const own = new URL(options.publicUrl);
  const defaultPort = own.protocol === 'https:' ? '443' : '80';
  const hosts = new Set([own.host, own.port === '' ? `${own.host}:${defaultPort}` : own.host]);
  const origins = new Set([own.origin, ...options.corsOrigins]);
  const isLoopbackHost = (host: string | undefined) =>
    host !== undefined && LOOPBACK.has(hostnameOf(host));

  return {
    allowsHost(host, rawHeaders) {
      if (host === undefined || namesTwoHosts(rawHeaders)) return false;
      return hosts.has(host.toLowerCase()) || (options.allowLoopback && isLoopbackHost(host));
    },
    allowsOrigin(origin) {
      if (origin === undefined || origins.has(origin)) return true;
      if (!options.allowLoopback) return false;
      const match = /^https?:\/\/([^/]+)$/.exec(origin);
      return match !== null && LOOPBACK.has(hostnameOf(match[1]!));
    },
  };
}

/** The name without its port; brackets of IPv6 stay. Anything else in it keeps it off every list. */
function hostnameOf(host: string): string {
  return host.toLowerCase().replace(/:\d{1,5}$/, '');
}

/** Node keeps the first of two; whatever stands before us may go by the other (RFC 9112, section 3.2). */
function namesTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1;
}
