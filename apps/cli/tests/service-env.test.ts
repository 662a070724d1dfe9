import { randomBytes } from 'node:crypto';
import { ENV_SCHEMAS, loadConfig } from '@conducktor/config';
import { expect, test } from 'vitest';
import { portsOf } from '../src/stack/layout.js';
import { serviceEnv, type ServiceName } from '../src/stack/service-env.js';

const context = (inherited: NodeJS.ProcessEnv = {}) => ({
  ports: portsOf(8080),
  publicUrl: 'http://localhost:8080',
  secretKey: randomBytes(32).toString('base64url'),
  stdioCatalog: '/data/stdio-catalog.json',
  mailDir: '/data/mail',
  archiveDir: '/data/archive',
  workerSocket: '/data/run/worker.sock',
  redisUrl: 'redis://:secret@127.0.0.1:8091',
  databaseUrl: (role: string) => `postgres://${role}:secret@127.0.0.1:8090/conducktor`,
  inherited,
});
const services = Object.keys(ENV_SCHEMAS) as ServiceName[];

test.each(services)(
  '%s accepts the environment that it is given, as its own database role',
  (name) => {
    const env = serviceEnv(name, context());
    expect(loadConfig(ENV_SCHEMAS[name], env)).toMatchObject({
      ENVIRONMENT: 'embedded',
      HOST: '127.0.0.1',
    });
    const roles = {
      gateway: 'conducktor_gateway',
      auth: 'conducktor_auth',
      control: 'conducktor_app',
      'connector-worker': 'conducktor_app',
      audit: 'conducktor_audit',
      'billing-usage': 'conducktor_billing',
    };
    expect(env['DATABASE_URL']).toContain(`//${roles[name]}:`);
  },
);

test('gateway and worker meet at a socket, or at a port where its path would be too long', () => {
  const at = (more: object) => {
    const env = (name: ServiceName) => serviceEnv(name, { ...context(), ...more });
    return [env('gateway')['WORKERS'], env('connector-worker')['RPC_SOCKET']];
  };
  expect(at({})).toEqual(['/data/run/worker.sock', '/data/run/worker.sock']);
  expect(at({ workerSocket: undefined })).toEqual(['127.0.0.1:8083', undefined]);
});

test('what the person set is kept where it is theirs to set, and nothing else of theirs gets in', () => {
  const inherited = {
    PATH: '/bin',
    DCR_MODE: 'off',
    PORT: '1',
    DATABASE_URL: 'postgres://elsewhere/db',
    AWS_SECRET_ACCESS_KEY: 'x',
    NODE_OPTIONS: '--inspect',
  };
  const env = serviceEnv('auth', context(inherited));
  expect(env).toMatchObject({ PATH: '/bin', DCR_MODE: 'off', PORT: '8081' });
  expect(env['DATABASE_URL']).toContain('127.0.0.1');
  expect(env).not.toHaveProperty('AWS_SECRET_ACCESS_KEY');
  expect(env).not.toHaveProperty('NODE_OPTIONS');
});

test('sign-in, which fetches what strangers name, may call nothing private unless the person opened it', () => {
  const of = (inherited: NodeJS.ProcessEnv) =>
    loadConfig(ENV_SCHEMAS['auth'], serviceEnv('auth', context(inherited)));
  expect(of({}).OUTBOUND_ALLOW).toEqual([]);
  const opened = of({ OUTBOUND_ALLOW: 'loopback' });
  expect(opened.OUTBOUND_ALLOW).toEqual(['loopback']);
  expect(opened.OUTBOUND_DENY_PORTS).toContain(8090);
});

test('the worker may call loopback, but none of Conducktor’s own ports', () => {
  const config = loadConfig(
    ENV_SCHEMAS['connector-worker'],
    serviceEnv('connector-worker', context()),
  );
  expect(config.OUTBOUND_ALLOW).toEqual(['loopback']);
  expect(config.OUTBOUND_DENY_PORTS).toEqual([
    8080, 8081, 8082, 8083, 8084, 8085, 8086, 8090, 8091, 8087, 8088, 8089, 8093, 8094, 8095, 8096,
  ]);
});
