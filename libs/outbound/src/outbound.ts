import { Agent, type Dispatcher, fetch as undiciFetch, Pool } from 'undici';
import { type AddressRulesOptions, createAddressRules } from './address-rules.js';
import { guardedConnector, type Resolve, systemResolve } from './guarded-connector.js';
import { parseTarget } from './refusal.js';

export interface OutboundOptions extends AddressRulesOptions {
  /** Connections kept to one origin (CONNECTION_POOL_SIZE). */
  connections?: number;
  /** Origins that connections are open to at once; requests to one more fail. */
  maxOrigins?: number;
  connectTimeoutMs?: number;
  /** How long headers, and each gap in a body, may take; calls with a deadline of their own pass 0. */
  headersTimeoutMs?: number;
  bodyTimeoutMs?: number;
  /** A longer response ends in an error; -1 for streams without an end. */
  maxResponseBytes?: number;
  /** For tests: names to addresses. */
  resolve?: Resolve;
  /** For tests: a certificate authority that is trusted instead of the system's, as PEM. */
  ca?: string;
}

/** The only way out of Conducktor. */
export interface Outbound {
  /** For undici's request, fetch or dispatch. It follows no redirect. */
  readonly dispatcher: Dispatcher;
  /** The fetch of libraries that want one; redirects come back as they are and are not followed. */
  readonly fetch: typeof globalThis.fetch;
  close(): Promise<void>;
}

/**
 * HTTP/1.1 with kept connections per origin, each opened only to an address that was checked.
 * Refused targets fail with OutboundRefused before anything is opened.
 */
export function createOutbound(options: OutboundOptions): Outbound {
  const rules = createAddressRules(options);
  const timeoutMs = options.connectTimeoutMs ?? 5_000;
  const dispatcher = new Agent({
    allowH2: false,
    pipelining: 1,
    connections: options.connections ?? 64,
    headersTimeout: options.headersTimeoutMs ?? 15_000,
    bodyTimeout: options.bodyTimeoutMs ?? 15_000,
    maxResponseSize: options.maxResponseBytes ?? 64 * 1024 * 1024,
    maxOrigins: options.maxOrigins ?? 4_096,
    // A connector for each origin: a name checked for one port is not checked for another.
    factory: (origin, poolOptions: Pool.Options) =>
      forgottenWhenUnused(
        new Pool(origin, {
          ...poolOptions,
          connect: guardedConnector({
            rules,
            resolve: options.resolve ?? systemResolve,
            timeoutMs,
            ca: options.ca,
          }),
        }),
      ),
  });
  const fetch = (async (input: string | URL | Request, init?: RequestInit) => {
    if (typeof input !== 'string' && !(input instanceof URL)) {
      throw new TypeError('Pass the address as a string or URL.');
    }
    const given = init as Parameters<typeof undiciFetch>[1];
    return await undiciFetch(parseTarget(String(input)), {
      ...given,
      redirect: given?.redirect === 'error' ? 'error' : 'manual',
      dispatcher,
    });
  }) as unknown as typeof globalThis.fetch;
  return { dispatcher, fetch, close: () => dispatcher.destroy() };
}

/**
 * undici's Agent forgets an origin when its last connection ends, but not when that is because a request
 * was given up: the request still counts at that moment. Told once more, it forgets those too; otherwise
 * whoever names many origins that never answer to the end would use up `maxOrigins` for good.
 */
function forgottenWhenUnused(pool: Pool): Pool {
  let isEcho = false;
  pool.on('disconnect', (origin, targets, error) => {
    if (isEcho) return;
    setImmediate(() => {
      const { connected, size } = pool.stats;
      if (pool.destroyed || connected > 0 || size > 0) return;
      isEcho = true;
      pool.emit('disconnect', origin, targets, error);
      isEcho = false;
    });
  });
  return pool;
}
