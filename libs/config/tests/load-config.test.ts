import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  ConfigError,
  authEnv,
  controlEnv,
  envExample,
  gatewayEnv,
  loadConfig,
  workerEnv,
} from '../src/index.js';

const good = {
  PORT: '8080',
  SECRET_KEY: randomBytes(32).toString('base64url'),
  DATABASE_URL: 'postgres://conducktor_app:kY7bVq2m@db.internal/conducktor',
  REDIS_URL: 'redis://redis.internal:6379',
  WORKERS: 'worker-0:8083, worker-1:8083',
};
const sentence = (
  env: Record<string, string>,
  schema: Parameters<typeof loadConfig>[0] = controlEnv,
) => {
  try {
    loadConfig(schema, { ...good, ...env });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
};

test('values arrive parsed, defaults filled in', () => {
  const config = loadConfig(gatewayEnv, { ...good, PUBLIC_URL: 'https://mcp.example.com/' });
  expect(config).toMatchObject({
    PORT: 8080,
    HOST: '127.0.0.1',
    ENVIRONMENT: 'production',
    PUBLIC_URL: 'https://mcp.example.com',
    WORKERS: ['worker-0:8083', 'worker-1:8083'],
    CORS_ORIGINS: ['https://chatgpt.com', 'https://chat.openai.com', 'https://claude.ai'],
    RATE_LIMIT_PER_MINUTE: 100,
  });
});

test.each(['10.0.0.0/33', '10.0.0', 'all', '::1/129', '10.0.0.0/8/8', 'loopback/8'])(
  'a proxy that is trusted by %s stops the start',
  (value) => {
    expect(sentence({ TRUSTED_PROXIES: `loopback, 10.0.0.0/8,${value}` }, gatewayEnv)).toContain(
      'TRUSTED_PROXIES',
    );
  },
);

test('an empty variable counts as left out', () => {
  expect(
    loadConfig(workerEnv, {
      ...good,
      RPC_PORT: '8083',
      SERVER_TIMEOUT: '',
      OUTBOUND_DENY_PORTS: '8080,8081',
    }),
  ).toMatchObject({
    SERVER_TIMEOUT: 30,
    OUTBOUND_DENY_PORTS: [8080, 8081],
  });
});

test.each([
  [{ PORT: 'eighty' }, 'PORT is not a whole number.'],
  [{ PORT: '99999' }, 'PORT is not between 1 and 65535.'],
  [
    { LOG_LEVEL: 'loud' },
    'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent.',
  ],
  [
    { PUBLIC_URL: 'https://example.com/mcp' },
    'PUBLIC_URL must be an origin, without path, query or credentials.',
  ],
  [{ DATABASE_URL: 'mysql://a/b' }, 'DATABASE_URL is not a postgres:// address.'],
  [{ WORKERS: 'worker' }, 'WORKERS is not a list of host:port.'],
  [{ REDIS_URL: '' }, 'REDIS_URL is not set (Redis 6.2 or newer, or Valkey).'],
  [{ DCR_MODES: 'open' }, 'DCR_MODES is not a variable of Conducktor; did you mean DCR_MODE?'],
])('%o stops the start with one sentence', (env, expected) => {
  expect(sentence(env)).toBe(expected);
});

test.each([
  [authEnv, { DCR_MODE: 'maybe' }, 'DCR_MODE must be one of open, token, off.'],
  [authEnv, { OAUTH_REDIRECT_ALLOW: '/callback' }, /absolute addresses/],
  [authEnv, { OAUTH_REDIRECT_ALLOW: 'javascript:alert(1)' }, /absolute addresses/],
  [authEnv, { OAUTH_REDIRECT_URI: 'https://a.example/#x' }, /absolute addresses/],
  [authEnv, { OAUTH_SCOPE: 'mcp:read "mcp:write"' }, /list of scopes/],
  [authEnv, { OUTBOUND_ALLOW: '10.0.0.0/40' }, /CIDR ranges/],
  [authEnv, { OUTBOUND_ALLOW: 'http://intranet' }, /CIDR ranges/],
  [authEnv, { ACCESS_TOKEN_EXPIRE_MINUTES: '0' }, /between 1 and 1440/],
  [authEnv, { REFRESH_TOKEN_EXPIRE_DAYS: '30d' }, /whole number/],
  [authEnv, { SMTP_URL: 'mail.example.com:587' }, /smtp:\/\//],
  [gatewayEnv, { CORS_ORIGINS: 'https://chatgpt.com/' }, /list of origins/],
  [gatewayEnv, { CORS_ORIGINS: '*' }, /list of origins/],
  [gatewayEnv, { RATE_LIMIT_PER_MINUTE: '-1' }, /whole number/],
  [gatewayEnv, { TRUSTED_PROXIES: 'load-balancer' }, /CIDR ranges/],
  [gatewayEnv, { WORKERS: 'run/worker.sock' }, /list of host:port/],
  [workerEnv, { RPC_PORT: '1', RPC_SOCKET: `/${'x'.repeat(100)}` }, /absolute path/],
  [workerEnv, { RPC_PORT: '1', SERVER_TIMEOUT: 'soon' }, /whole number/],
  [workerEnv, { RPC_PORT: '1', MAX_CONCURRENT_SERVERS: '0' }, /between 1/],
  [workerEnv, { RPC_PORT: '1', CONNECTION_POOL_SIZE: '1e3' }, /whole number/],
])('a bad value for one service is refused: %#', (schema, env, expected) => {
  expect(sentence(env as Record<string, string>, schema)).toMatch(expected);
});

test.each([
  [authEnv, { OAUTH_REDIRECT_ALLOW: 'https://a.example/cb, com.example.app:/cb' }],
  [authEnv, { OUTBOUND_ALLOW: 'loopback,private,10.1.0.0/16,fd00::/8,mcp.intranet' }],
  [gatewayEnv, { CORS_ORIGINS: 'https://a.example,http://localhost:3000' }],
  [gatewayEnv, { LOG_LEVEL: 'DEBUG' }],
])('a good value for one service is accepted: %#', (schema, env) => {
  expect(sentence(env as Record<string, string>, schema)).toBe('accepted');
});

test.each<Record<string, string>>([
  { SECRET_KEY: Buffer.alloc(32).toString('base64url') },
  { SECRET_KEY: Buffer.from('change-me-change-me-change-me-change-me').toString('base64url') },
  { SECRET_KEY: 'changeme-changeme-changeme-changeme-changeme' },
  { DATABASE_URL: 'postgres://postgres:postgres@db/conducktor' },
  { DATABASE_URL: 'postgres://app:changeme@db/conducktor' },
  { REDIS_URL: 'redis://:password@redis' },
])('a sample secret is refused outside the embedded default: %o', (env) => {
  expect(sentence(env)).toContain('is a sample or default secret');
  expect(sentence({ ...env, ENVIRONMENT: 'embedded' })).toBe('accepted');
});

test('no sentence repeats a value', () => {
  expect(sentence({ DATABASE_URL: 'http://user:hunter2@db/x' })).not.toContain('hunter2');
});

test('random keys are never taken for samples', () => {
  for (let n = 0; n < 500; n++)
    expect(sentence({ SECRET_KEY: randomBytes(32).toString('base64url') })).toBe('accepted');
});

test('the older names of the static client are read as the same', () => {
  expect(loadConfig(authEnv, { ...good, MCP_CLIENT_ID: 'desk' }).OAUTH_CLIENT_ID).toBe('desk');
});

test.each([
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317'],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a secret without a name'],
  ['OTEL_RESOURCE_ATTRIBUTES', 'team=%zz'],
  ['OTEL_TRACES_SAMPLER', 'sometimes'],
  ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
  ['OTEL_SDK_DISABLED', 'maybe'],
])('a bad value of OpenTelemetry is refused by name, without the value: %s', (name, value) => {
  const refused = () => loadConfig(authEnv, { ...good, [name]: value });
  expect(refused).toThrow(name);
  expect(refused).not.toThrow(value);
});

test('variables of OpenTelemetry mean what its specification says', () => {
  const config = loadConfig(authEnv, {
    ...good,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
    OTEL_SDK_DISABLED: 'TRUE',
    OTEL_RESOURCE_ATTRIBUTES: 'team=calls,region=eu%20west',
  });
  expect(config.OTEL_SDK_DISABLED).toBe(true);
  expect(config.OTEL_TRACES_SAMPLER_ARG).toBe(0.01);
  expect(config.OTEL_RESOURCE_ATTRIBUTES).toEqual({ team: 'calls', region: 'eu west' });
});

test('.env.example lists what the schemas read', async () => {
  await expect(envExample()).toMatchFileSnapshot('../../../.env.example');
});
