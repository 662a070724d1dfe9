import { z } from 'zod';
import { telemetry } from './telemetry.js';
import {
  addresses,
  connectionUrl,
  integer,
  networks,
  origin,
  origins,
  outboundTargets,
  port,
  redirects,
  scopes,
  secretKey,
  socketPath,
  workerAddresses,
} from './values.js';

const common = {
  PUBLIC_URL: origin
    .default('http://localhost:8080')
    .describe('The one address that people and clients know'),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  PORT: port.describe('Port to listen on'),
  ENVIRONMENT: z
    .enum(['embedded', 'development', 'production'])
    .default('production')
    .describe('embedded: everything private on one machine, made by "npm start"'),
  LOG_LEVEL: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']))
    .default('info')
    .describe('Least severe level that is logged'),
  SECRET_KEY: secretKey.describe(
    'Base64url of 32 random bytes; all other keys are derived from it',
  ),
  DATABASE_URL: connectionUrl('postgres', 'postgresql').describe(
    'Postgres, as the login role of this service',
  ),
  REDIS_URL: connectionUrl('redis', 'rediss').describe('Redis 6.2 or newer, or Valkey'),
  SHUTDOWN_SECONDS: integer(5, 3600)
    .default(25)
    .describe('Seconds after SIGTERM in which what runs may end; less than the platform waits'),
  METRICS_PORT: port
    .optional()
    .describe('Port of GET /metrics, apart from all others; without it there is none'),
  ...telemetry,
};

const drainDelay = integer(0, 600)
  .default(5)
  .describe('Of those, seconds in which requests are still taken, until load balancers know');

const workers = workerAddresses.describe(
  'host:port of the connector workers, or their RPC_SOCKET on the same machine, comma-separated',
);

const outboundAllow = outboundTargets.describe(
  'Private addresses that may be called: CIDR ranges or host names, comma-separated',
);
const outboundDenyPorts = z
  .string()
  .default('')
  .transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  )
  .refine(
    (items) => items.every((item) => /^\d+$/.test(item) && Number(item) <= 65535),
    'is not a list of ports',
  )
  .transform((items) => items.map(Number))
  .describe("Ports that are never called on allowed private addresses: Conducktor's own");

export const gatewayEnv = z.object({
  ...common,
  AUTH_URL: origin
    .optional()
    .describe('Where to forward sign-in paths; nothing is forwarded when left out'),
  CONTROL_URL: origin
    .optional()
    .describe(
      'Where to forward the REST API and the dashboard; nothing is forwarded when left out',
    ),
  WORKERS: workers,
  CORS_ORIGINS: origins('https://chatgpt.com,https://chat.openai.com,https://claude.ai').describe(
    'Browser origins that may call the MCP endpoints',
  ),
  RATE_LIMIT_PER_MINUTE: integer(1, 1_000_000)
    .default(100)
    .describe('Calls per minute of the limit profile "host"'),
  TRUSTED_PROXIES: networks.describe(
    'Load balancers and tunnels whose X-Forwarded-For is believed: CIDR ranges or "loopback", comma-separated',
  ),
  CONTROL_RPC: addresses
    .optional()
    .describe('host:port of the control plane for management tools; without it there are none'),
  DRAIN_DELAY_SECONDS: drainDelay,
  MAX_WAITING_CALLS: integer(16, 100_000)
    .default(512)
    .describe('Requests that may wait for this process at once; upstreams are not counted'),
});

export const authEnv = z.object({
  ...common,
  OAUTH_CLIENT_ID: z.string().min(1).optional().describe('A static client made at start'),
  OAUTH_CLIENT_SECRET: z
    .string()
    .min(16, 'is shorter than 16 characters')
    .optional()
    .describe('Its secret; without one it is a public client'),
  OAUTH_REDIRECT_URI: redirects.describe('Its redirect addresses, comma-separated'),
  OAUTH_SCOPE: scopes('mcp:read mcp:write').describe('Its scopes, separated by blanks'),
  DCR_MODE: z
    .enum(['open', 'token', 'off'])
    .default('open')
    .describe('Dynamic client registration: for all, with an initial access token, or not at all'),
  OAUTH_REDIRECT_ALLOW: redirects.describe(
    'Redirect addresses allowed beside the built-in ones, exact, comma-separated',
  ),
  ACCESS_TOKEN_EXPIRE_MINUTES: integer(1, 1440).default(60).describe('Life of an access token'),
  REFRESH_TOKEN_EXPIRE_DAYS: integer(1, 365).default(30).describe('Life of a refresh token'),
  DRAIN_DELAY_SECONDS: drainDelay,
  SIGNING_KEY_DAYS: integer(1, 3650)
    .default(90)
    .describe('Age at which the key that signs tokens is replaced by a new one'),
  OUTBOUND_ALLOW: outboundAllow,
  OUTBOUND_DENY_PORTS: outboundDenyPorts,
  SMTP_URL: connectionUrl('smtp', 'smtps')
    .optional()
    .describe('Mail server, with user and password where it wants them'),
  MAIL_FROM: z
    .string()
    .min(3)
    .default('Conducktor <conducktor@localhost>')
    .describe('Sender of letters'),
  MAIL_DIR: z
    .string()
    .min(1)
    .optional()
    .describe('Without SMTP_URL: the folder that letters are written to, one file each'),
});

export const controlEnv = z.object({
  ...common,
  WORKERS: workers,
  DRAIN_DELAY_SECONDS: drainDelay,
  RPC_PORT: port
    .optional()
    .describe('Port for management tools called through gateways; without it there are none'),
  OUTBOUND_ALLOW: outboundAllow,
  OUTBOUND_DENY_PORTS: outboundDenyPorts,
});

export const workerEnv = z.object({
  ...common,
  RPC_PORT: port.describe(
    'Port for calls from gateways and the control plane; PORT answers health checks only',
  ),
  RPC_SOCKET: socketPath
    .optional()
    .describe('Path of a Unix socket beside RPC_PORT, for gateways on the same machine'),
  STDIO_CATALOG: z
    .string()
    .min(1)
    .optional()
    .describe('JSON file of the stdio servers that connections may name'),
  OUTBOUND_ALLOW: outboundAllow,
  OUTBOUND_DENY_PORTS: outboundDenyPorts,
  SERVER_TIMEOUT: integer(1, 3600)
    .default(30)
    .describe('Seconds that a server has to start and to answer the handshake'),
  MAX_CONCURRENT_SERVERS: integer(1, 10_000)
    .default(50)
    .describe('Stdio servers running at once in this worker'),
  CONNECTION_POOL_SIZE: integer(1, 10_000)
    .default(64)
    .describe('Connections kept open to one upstream'),
});

export const auditEnv = z.object({
  ...common,
  ARCHIVE_DIR: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder that events are exported to before they are deleted; without it they are not',
    ),
});

export const billingEnv = z.object(common);

/** One schema per service; keys of the result are the names of the variables. */
export const ENV_SCHEMAS = {
  gateway: gatewayEnv,
  auth: authEnv,
  control: controlEnv,
  'connector-worker': workerEnv,
  audit: auditEnv,
  'billing-usage': billingEnv,
} as const;

export type GatewayConfig = z.infer<typeof gatewayEnv>;
export type AuthConfig = z.infer<typeof authEnv>;
export type ControlConfig = z.infer<typeof controlEnv>;
export type WorkerConfig = z.infer<typeof workerEnv>;
export type AuditConfig = z.infer<typeof auditEnv>;
export type BillingConfig = z.infer<typeof billingEnv>;
