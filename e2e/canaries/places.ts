import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Db } from '@conducktor/db';
import { Redis } from 'ioredis';
import { operationsOf } from '../support/inventory.js';
import type { Rest } from '../support/rest.js';
import { conducktor, STACK_PORTS, type Stack } from '../support/stack.js';

/** Something to search, and where it is. */
export interface Place {
  where: string;
  bytes: Buffer | string;
}

/** Files that are there to hold the installation's own secrets; nobody else may read them. */
export const OWN_SECRETS = /^(secrets|postgres-passwords|redis-password|demo|run\/state)\.json$/;

export function* filesBelow(dir: string, leftOut: RegExp): Generator<Place> {
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(dir, path);
    if (!entry.isFile() || leftOut.test(name)) continue;
    try {
      yield { where: name, bytes: readFileSync(path) };
    } catch (error) {
      // Postgres removes files while we look.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Those of its own secrets that somebody else on the machine could read. */
export function readableByOthers(dataDir: string): string[] {
  return readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter(
    (name) => OWN_SECRETS.test(name) && (statSync(join(dataDir, name)).mode & 0o077) !== 0,
  );
}

/** Every row of every table, as text; bytes are in hex. */
export async function* rowsOf(admin: Db): AsyncGenerator<Place> {
  const { rows: tables } = await admin.pool.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname in ('public', 'pg_catalog') and has_table_privilege(c.oid, 'select')`,
  );
  for (const { name } of tables) {
    const { rows } = await admin.pool.query<{ text: string }>(
      `select coalesce(string_agg(t::text, E'\\n'), '') as text from ${name} t`,
    );
    yield { where: `table ${name}`, bytes: rows[0]!.text };
  }
}

/** Every key of Redis with its value, whatever type it has, and as Redis itself writes it down. */
export async function* redisOf(stack: Stack): AsyncGenerator<Place> {
  const { redis: password } = JSON.parse(
    readFileSync(join(stack.dataDir, 'redis-password.json'), 'utf8'),
  ) as { redis: string };
  const redis = new Redis({ host: '127.0.0.1', port: stack.portBase + 11, password });
  try {
    for (const key of await redis.keys('*')) {
      yield { where: 'Redis keys', bytes: key };
      yield { where: `Redis ${key}`, bytes: (await redis.dumpBuffer(key)) ?? '' };
      const read: Record<string, () => Promise<unknown>> = {
        string: () => redis.get(key),
        hash: () => redis.hgetall(key),
        set: () => redis.smembers(key),
        zset: () => redis.zrangebyscore(key, '-inf', '+inf', 'WITHSCORES'),
        list: () => redis.lrange(key, 0, -1),
        stream: () => redis.xrange(key, '-', '+'),
      };
      yield {
        where: `Redis ${key}`,
        bytes: JSON.stringify((await read[await redis.type(key)]?.()) ?? ''),
      };
    }
  } finally {
    redis.disconnect();
  }
}

/** What a backup holds beside the files that are there for secrets; the database unpacked. */
export async function* backupOf(stack: Stack, scratch: string): AsyncGenerator<Place> {
  const file = join(scratch, 'all.tar');
  const ran = await conducktor(['backup', file, '--data', stack.dataDir]);
  if (ran.code !== 0) throw new Error(`No backup: ${ran.stdout} ${ran.stderr}`);
  yield { where: 'what backup prints', bytes: ran.stdout + ran.stderr };
  execFileSync('tar', ['-xf', file, '-C', scratch]);
  for (const { where, bytes } of filesBelow(scratch, /^all\.tar$/)) {
    if (OWN_SECRETS.test(where.split('/').at(-1)!)) continue;
    yield {
      where: `backup ${where}`,
      bytes: where.endsWith('.gz') ? gunzipSync(bytes as Buffer) : bytes,
    };
  }
}

/** Every GET of the REST API, exports among them; of a stream, what comes in half a second. */
export async function* answersOf(rest: Rest, ids: Record<string, string>): AsyncGenerator<Place> {
  const headers = { authorization: `Bearer ${rest.apiKey}` };
  for (const { method, path } of await operationsOf(rest.publicUrl)) {
    if (method !== 'GET' || !path.startsWith('/api/')) continue;
    const kind = path.split('/')[3]!;
    const filled = path.replace(/\{\w+\}/, ids[kind] ?? '1');
    for (const query of path.endsWith('/export') ? ['format=ndjson', 'format=csv'] : ['limit=200'])
      yield {
        where: `GET ${path}?${query}`,
        bytes: await textOf(`${rest.publicUrl}${filled}?${query}`, headers),
      };
  }
}

async function textOf(url: string, headers: Record<string, string>): Promise<string> {
  const stop = AbortSignal.timeout(url.includes('/activity') ? 500 : 30_000);
  let text = '';
  try {
    const response = await fetch(url, { headers, signal: stop });
    text += JSON.stringify([...response.headers]);
    const decoder = new TextDecoder();
    for await (const part of response.body!) text += decoder.decode(part as Uint8Array);
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  return text;
}

/** Metrics of every service that has them. */
export async function* metricsOf(stack: Stack): AsyncGenerator<Place> {
  for (let port = stack.portBase; port < stack.portBase + STACK_PORTS; port++) {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
    if (response?.ok) yield { where: `metrics at ${port}`, bytes: await response.text() };
    else await response?.body?.cancel();
  }
}

/** What anybody on the machine sees of every process: its title and arguments. */
export function* processes(): Generator<Place> {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    for (const file of ['cmdline', 'comm'])
      try {
        yield { where: `/proc/${pid}/${file}`, bytes: readFileSync(`/proc/${pid}/${file}`) };
      } catch {
        // It has ended.
      }
}
