import type { ControlConfig } from '@conducktor/config';
import {
  createDb,
  createPrismaDb,
  databaseReadiness,
  instanceId,
  type Db,
  type PrismaDb,
} from '@conducktor/db';
import { cookieNames, createVerifier, type Verifier } from '@conducktor/identity';
import { deriveKey, STOPPING, type Logger, type Readiness } from '@conducktor/runtime';
import { createOutbound, type Outbound } from '@conducktor/outbound';
import { createVault, type Vault } from '@conducktor/vault';
import { Feeds } from './activity/feed.js';
import { connectWorkers, type Workers } from './connections/workers.js';
import type { SessionCookie } from './http/browser-session.js';
import { createFailedAttempts, type FailedAttempts } from './http/failed-attempts.js';
import { createKeyUse, type KeyUse } from './http/key-use.js';
import { SimulationRunner } from './policies/rehearsal/runner.js';

/** What the use-cases of this service need. */
export interface Control {
  /** Typed CRUD on a tenant's rows. */
  prisma: PrismaDb;
  /** Plain SQL, for reports and for the libraries that need it. */
  db: Db;
  vault: Vault;
  verifier: Verifier;
  workers: Workers;
  /** To addresses that people of a workspace chose: notifications. */
  outbound: Outbound;
  publicUrl: string;
  sessionCookie: SessionCookie;
  failures: FailedAttempts;
  keyUse: KeyUse;
  /** Live activity of the workspaces that somebody looks at. */
  feeds: Feeds;
  /** Works on simulations of policies, of all workspaces. */
  simulations: SimulationRunner;
  readiness: Readiness;
  logger: Logger;
}

export type ControlSettings = Pick<
  ControlConfig,
  'DATABASE_URL' | 'PUBLIC_URL' | 'SECRET_KEY' | 'WORKERS'
> &
  Partial<Pick<ControlConfig, 'OUTBOUND_ALLOW' | 'OUTBOUND_DENY_PORTS' | 'PORT' | 'RPC_PORT'>>;

export function openControl(
  config: ControlSettings,
  logger: Logger,
  stopping: () => boolean = () => false,
): Control & { close(): Promise<void> } {
  const db = createDb(config.DATABASE_URL, { name: 'conducktor-control', max: 5 });
  const prisma = createPrismaDb(config.DATABASE_URL, { name: 'conducktor-control' });
  const workers = connectWorkers({
    addresses: config.WORKERS,
    key: deriveKey(config.SECRET_KEY, 'rpc'),
  });
  const outbound = ownOutbound(config);
  const postgres = databaseReadiness(db);
  const vault = createVault({ kek: deriveKey(config.SECRET_KEY, 'kek'), db });
  const simulations = new SimulationRunner({ db, prisma, vault, logger });
  simulations.start();
  return {
    prisma,
    db,
    vault,
    verifier: createVerifier({ db, publicUrl: config.PUBLIC_URL }),
    workers,
    outbound,
    publicUrl: config.PUBLIC_URL,
    sessionCookie: sessionCookie(config, db),
    failures: createFailedAttempts(),
    keyUse: createKeyUse({ db, logger }),
    feeds: new Feeds({ db, logger }),
    simulations,
    readiness: () => (stopping() ? STOPPING : postgres()),
    logger,
    close: async () => {
      workers.close();
      await simulations.stop();
      await Promise.all([outbound.close(), prisma.end(), db.end()]);
    },
  };
}

/** Small answers of receivers that anybody may have named, to nobody's own ports. */
function ownOutbound(config: ControlSettings): Outbound {
  return createOutbound({
    allow: config.OUTBOUND_ALLOW ?? [],
    denyPorts: [
      ...(config.OUTBOUND_DENY_PORTS ?? []),
      ...[config.PORT, config.RPC_PORT].filter((port) => port !== undefined),
    ],
    // As many as messages are sent at once: those of many workspaces go to one host, Slack's.
    connections: 16,
    connectTimeoutMs: 5_000,
    maxResponseBytes: 64 * 1024,
  });
}

/** The cookie of the auth service: the same name and the same key. */
function sessionCookie(config: ControlSettings, db: Db): SessionCookie {
  let name: string | undefined;
  return {
    key: deriveKey(config.SECRET_KEY, 'cookies').toString('base64url'),
    name: async () => (name ??= cookieNames(config.PUBLIC_URL, await instanceId(db)).session),
  };
}
