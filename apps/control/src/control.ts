import type { ControlConfig } from '@conducktor/config';
import { createDb, createPrismaDb, type Db, type PrismaDb } from '@conducktor/db';
import { createVerifier, type Verifier } from '@conducktor/identity';
import { deriveKey, type Logger } from '@conducktor/runtime';
import { createVault, type Vault } from '@conducktor/vault';
import { connectWorkers, type Workers } from './connections/workers.js';

/** What the use-cases of this service need. */
export interface Control {
  /** Typed CRUD on a tenant's rows. */
  prisma: PrismaDb;
  /** Plain SQL, for reports and for the libraries that need it. */
  db: Db;
  vault: Vault;
  verifier: Verifier;
  workers: Workers;
  publicUrl: string;
  logger: Logger;
}

export function openControl(
  config: ControlConfig,
  logger: Logger,
): Control & { close(): Promise<void> } {
  const db = createDb(config.DATABASE_URL, { name: 'conducktor-control', max: 5 });
  const prisma = createPrismaDb(config.DATABASE_URL, { name: 'conducktor-control' });
  const workers = connectWorkers({
    addresses: config.WORKERS,
    key: deriveKey(config.SECRET_KEY, 'rpc'),
  });
  return {
    prisma,
    db,
    vault: createVault({ kek: deriveKey(config.SECRET_KEY, 'kek'), db }),
    verifier: createVerifier({ db, publicUrl: config.PUBLIC_URL }),
    workers,
    publicUrl: config.PUBLIC_URL,
    logger,
    close: async () => {
      workers.close();
      await Promise.all([prisma.end(), db.end()]);
    },
  };
}
