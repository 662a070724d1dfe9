import { ENV_SCHEMAS } from '@conducktor/config';
import type { PostgresRole } from '@conducktor/embedded';
import type { Ports } from './layout.js';

export type ServiceName = keyof typeof ENV_SCHEMAS;

export interface EnvContext {
  ports: Ports;
  publicUrl: string;
  secretKey: string;
  stdioCatalog: string;
  /** Where letters go when the person set no mail server. */
  mailDir: string;
  /** Where events are exported to before they are deleted, when the person named no other place. */
  archiveDir: string;
  /** Where the worker listens for the gateway; undefined where a socket cannot have so long a path. */
  workerSocket: string | undefined;
  redisUrl: string;
  databaseUrl(role: PostgresRole): string;
  /** The environment that the person started us with. */
  inherited: NodeJS.ProcessEnv;
}

/** In which a service ends what runs, unless the person says otherwise: Ctrl-C is not to take for ever. */
const STOP_SECONDS = 15;

const ROLES: Record<ServiceName, PostgresRole> = {
  gateway: 'conducktor_gateway',
  auth: 'conducktor_auth',
  control: 'conducktor_app',
  'connector-worker': 'conducktor_app',
  audit: 'conducktor_audit',
  'billing-usage': 'conducktor_billing',
};

// Nothing else of the person's environment reaches a service, and through it an MCP server.
const PASSED_ON = /^(PATH|HOME|LANG|LC_.*|TZ|TMPDIR|USER|LOGNAME|NODE_EXTRA_CA_CERTS|OTEL_.*)$/;
// Names of ours, and what may be a misspelling of one: the service itself says so.
const OURS = new Set(Object.values(ENV_SCHEMAS).flatMap((schema) => Object.keys(schema.shape)));
const LIKE_OURS = /^(DCR_|OUTBOUND_|STDIO_|OAUTH_|MCP_CLIENT_)/;

/** The environment of one service of the embedded stack. What the person set is kept where it is theirs to set. */
export function serviceEnv(service: ServiceName, context: EnvContext): NodeJS.ProcessEnv {
  const { ports, workerSocket } = context;
  const local = (port: number) => `http://127.0.0.1:${port}`;
  const ownPorts = [
    ports.gateway,
    ports.auth,
    ports.control,
    ports.workerRpc,
    ports.audit,
    ports.worker,
    ports.controlRpc,
    ports.postgres,
    ports.redis,
    ports.gatewayMetrics,
    ports.authMetrics,
    ports.controlMetrics,
    ports.workerMetrics,
    ports.auditMetrics,
    ports.billing,
    ports.billingMetrics,
  ].join(',');
  const own: Record<ServiceName, Record<string, string>> = {
    gateway: {
      PORT: String(ports.gateway),
      METRICS_PORT: String(ports.gatewayMetrics),
      // Nothing in front of it has to hear first.
      DRAIN_DELAY_SECONDS: context.inherited['DRAIN_DELAY_SECONDS'] ?? '0',
      AUTH_URL: local(ports.auth),
      CONTROL_URL: local(ports.control),
      WORKERS: workerSocket ?? `127.0.0.1:${ports.workerRpc}`,
      CONTROL_RPC: `127.0.0.1:${ports.controlRpc}`,
    },
    auth: {
      PORT: String(ports.auth),
      METRICS_PORT: String(ports.authMetrics),
      DRAIN_DELAY_SECONDS: context.inherited['DRAIN_DELAY_SECONDS'] ?? '0',
      // It fetches what any stranger names, so nothing private is open to it unless the person says so.
      OUTBOUND_DENY_PORTS: ownPorts,
      MAIL_DIR: context.inherited['MAIL_DIR'] ?? context.mailDir,
    },
    control: {
      PORT: String(ports.control),
      METRICS_PORT: String(ports.controlMetrics),
      DRAIN_DELAY_SECONDS: context.inherited['DRAIN_DELAY_SECONDS'] ?? '0',
      RPC_PORT: String(ports.controlRpc),
      // Notifications go where admins say, and to nothing private unless the person says so.
      OUTBOUND_DENY_PORTS: ownPorts,
      WORKERS: `127.0.0.1:${ports.workerRpc}`,
    },
    'connector-worker': {
      PORT: String(ports.worker),
      METRICS_PORT: String(ports.workerMetrics),
      RPC_PORT: String(ports.workerRpc),
      ...(workerSocket && { RPC_SOCKET: workerSocket }),
      STDIO_CATALOG: context.stdioCatalog,
      // A server on one's own laptop can be connected; Conducktor's own ports cannot.
      OUTBOUND_ALLOW: context.inherited['OUTBOUND_ALLOW'] ?? 'loopback',
      OUTBOUND_DENY_PORTS: ownPorts,
    },
    audit: {
      PORT: String(ports.audit),
      METRICS_PORT: String(ports.auditMetrics),
      ARCHIVE_DIR: context.inherited['ARCHIVE_DIR'] ?? context.archiveDir,
    },
    'billing-usage': {
      PORT: String(ports.billing),
      METRICS_PORT: String(ports.billingMetrics),
    },
  };
  const inherited = Object.entries(context.inherited).filter(
    ([name]) => PASSED_ON.test(name) || OURS.has(name) || LIKE_OURS.test(name),
  );
  return {
    ...Object.fromEntries(inherited),
    NODE_ENV: 'production',
    ENVIRONMENT: 'embedded',
    SHUTDOWN_SECONDS: context.inherited['SHUTDOWN_SECONDS'] ?? String(STOP_SECONDS),
    HOST: '127.0.0.1',
    PUBLIC_URL: context.publicUrl,
    SECRET_KEY: context.secretKey,
    DATABASE_URL: context.databaseUrl(ROLES[service]),
    REDIS_URL: context.redisUrl,
    ...own[service],
  };
}
