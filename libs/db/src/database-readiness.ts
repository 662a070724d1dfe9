import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitToStart, type Logger, type Missing, type Readiness } from '@conducktor/runtime';
import { Client } from 'pg';
import type { Db } from './db.js';
import { MIGRATIONS } from './migrate.js';

const AWAY: Missing = { dependency: 'postgres', reason: 'Postgres does not answer.' };
const SLOW_MS = 2_000;

/**
 * Resolves when Postgres answers this service and is migrated as far as this version needs. Until then
 * probes on `host` and `port` are answered with what is missing.
 */
export function waitForDatabase(
  config: { DATABASE_URL: string; HOST: string; PORT: number },
  logger: Logger,
): Promise<void> {
  const needed = migrations();
  return waitToStart({
    host: config.HOST,
    port: config.PORT,
    logger,
    check: async () => {
      const missing = await whatIsMissing(config.DATABASE_URL, needed);
      return missing ? [missing] : [];
    },
  });
}

/**
 * Whether Postgres answers. One that refuses is away at once, one that is only slow the second time on
 * end: a probe that meets a busy moment must not take a service out of the balance.
 */
export function databaseReadiness(db: Pick<Db, 'pool'>, slowMs = SLOW_MS): Readiness {
  let wasSlow = false;
  return async () => {
    const answer = await Promise.race([
      db.pool.query('select 1').then(
        () => 'answered' as const,
        () => 'refused' as const,
      ),
      sleep(slowMs, 'slow' as const, { ref: false }),
    ]);
    const away = answer === 'refused' || (answer === 'slow' && wasSlow);
    wasSlow = answer === 'slow';
    return away ? [AWAY] : [];
  };
}

async function whatIsMissing(url: string, needed: readonly string[]): Promise<Missing | undefined> {
  const client = new Client({
    connectionString: url,
    application_name: 'conducktor start',
    connectionTimeoutMillis: SLOW_MS,
    query_timeout: SLOW_MS,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    if (needed.length === 0) return undefined;
    const { rowCount } = await client.query(
      'select from public.schema_migrations where version = any($1)',
      [needed],
    );
    return rowCount === needed.length ? undefined : NOT_MIGRATED;
  } catch (error) {
    const state = (error as { code?: unknown }).code;
    return (typeof state === 'string' && BY_STATE[state]) || AWAY;
  } finally {
    await client.end().catch(() => {});
  }
}

const NOT_MIGRATED: Missing = {
  dependency: 'migrations',
  reason: 'The database is not migrated as far as this version needs.',
};
const NO_LOGIN: Missing = {
  dependency: 'postgres',
  reason:
    'Postgres does not let this service in: its role or password is wrong, or the database is not migrated yet.',
};
/** SQLSTATEs of a database that is there and not ready for us. */
const BY_STATE: Record<string, Missing> = {
  '28000': NO_LOGIN,
  '28P01': NO_LOGIN,
  '3D000': { dependency: 'postgres', reason: 'The database does not exist yet.' },
  '42P01': NOT_MIGRATED,
  '42501': NOT_MIGRATED,
};

/** The versions that this build comes with, all of them: one may be older than another that came before. */
function migrations(): readonly string[] {
  // Not every image ships them beside the code.
  if (!existsSync(MIGRATIONS)) return [];
  return readdirSync(MIGRATIONS).flatMap((name) => /^\d+(?=_.*\.sql$)/.exec(name) ?? []);
}
