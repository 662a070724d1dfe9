// Every kind of secret lives its whole life in an installation of its own, the ways in which things go
// wrong included; then each is looked for, however it may be written, in everything that the installation
// wrote, answered, stored, sent to a collector or shows of its processes.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDb, readSealedSigningKeys, type Db } from '@conducktor/db';
import { signingKeyPlace } from '@conducktor/identity';
import { deriveKey } from '@conducktor/runtime';
import { freePortBlock } from '@conducktor/testing';
import { createVault } from '@conducktor/vault';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { liveConnections, writeCatalogue } from './canaries/connections.js';
import { Kept } from './canaries/kept.js';
import { Needles } from './canaries/needles.js';
import { startCollector, startMailbox, type Mailbox } from './canaries/outside.js';
import { livePerson, type Owner } from './canaries/people.js';
import * as places from './canaries/places.js';
import type { Place } from './canaries/places.js';
import { startStack, stopStack, STACK_PORTS, type Stack } from './support/stack.js';
import { eventually } from './support/world.js';

/** What must have come up in the run. */
const KINDS = `
  password, changed password, reset password, mistyped password, authenticator seed, recovery code,
  reset link, invitation link, mailed invitation link, form token, cookie session,
  cookie session.sig, cookie browser, cookie browser_known, cookie flow.sig, API key, client secret,
  initial access token, private key of a client, assertion of a client, authorization code,
  code verifier, access token, refresh token, header of a connection, changed header,
  query of an address, variable of a connection, argument of a call, result of a call, signing key,
  SECRET_KEY, key that wraps keys, password of Redis, password of the mail server,
  client secret of the operator, header for the collector, database password of postgres
`
  .split(',')
  .map((kind) => kind.replaceAll(/\s+/g, ' ').trim());

const kept = new Kept();
const scratch = mkdtempSync(join(tmpdir(), 'conducktor-canaries-'));
const dataDir = join(scratch, 'data');
let stack: Stack;
let admin: Db;
let mailbox: Mailbox;
let collector: Awaited<ReturnType<typeof startCollector>>;
let owner: Owner;

beforeAll(async () => {
  [mailbox, collector] = await Promise.all([startMailbox(), startCollector()]);
  writeCatalogue(dataDir);
  stack = await startStack(dataDir, await freePortBlock(STACK_PORTS), {
    SMTP_URL: `smtp://sender:${kept.make('password of the mail server')}@127.0.0.1:${mailbox.port}`,
    OAUTH_CLIENT_ID: 'operator-client',
    OAUTH_CLIENT_SECRET: kept.make('client secret of the operator'),
    OAUTH_REDIRECT_URI: 'http://127.0.0.1:3999/callback',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${kept.make('header for the collector')}`,
    OTEL_TRACES_SAMPLER_ARG: '1',
    LOG_LEVEL: 'debug',
  });
  admin = createDb(stack.adminUrl, { max: 2 });
  owner = await livePerson({ origin: stack.publicUrl, kept, admin, mailbox });
  await liveConnections(kept, owner.rest);
  await keepTheInstallations();
  await eventually('every call is sealed', async () => {
    const { rows } = await admin.pool.query<{ n: string }>(
      "select count(*) as n from audit_event where tool = 'works_echo'",
    );
    return Number(rows[0]!.n) >= 2;
  });
}, 180_000);
afterAll(async () => {
  await admin?.end();
  await stopStack(dataDir);
  await Promise.all([mailbox?.close(), collector?.close()]);
  if (process.env.E2E_KEEP === undefined) rmSync(scratch, { recursive: true, force: true });
}, 60_000);

/** What the installation made for itself. */
async function keepTheInstallations(): Promise<void> {
  const read = (file: string) =>
    JSON.parse(readFileSync(join(dataDir, file), 'utf8')) as Record<string, string>;
  const { SECRET_KEY } = read('secrets.json') as { SECRET_KEY: string };
  kept.keep('SECRET_KEY', SECRET_KEY);
  kept.keep('SECRET_KEY, its bytes', Buffer.from(SECRET_KEY, 'base64url').toString('hex'));
  const kek = deriveKey(SECRET_KEY, 'kek');
  kept.keep('key that wraps keys', kek.toString('hex'));
  kept.keep('key that wraps keys', kek.toString('base64url'));
  for (const [role, password] of Object.entries(read('postgres-passwords.json')))
    kept.keep(`database password of ${role}`, password);
  kept.keep('password of Redis', read('redis-password.json')['redis']!);
  kept.keep('password of the demo', stack.demo.password);
  kept.keep('API key of the demo', stack.demo.apiKey);
  const vault = createVault({ kek, db: admin });
  for (const { kid, privateSealed } of await readSealedSigningKeys(admin)) {
    const jwk = vault.openForInstall(signingKeyPlace(kid), privateSealed).toString();
    kept.keep('signing key', (JSON.parse(jwk) as { d: string }).d);
  }
}

let needles: Needles | undefined;
/** All secrets are known when the first place is searched. */
const needlesOfAll = () => (needles ??= new Needles(kept.secrets));

async function search(
  all: Iterable<Place> | AsyncIterable<Place>,
  options: { least: number; shows?: (where: string) => readonly string[] },
): Promise<void> {
  const found: string[] = [];
  let searched = 0;
  let bytes = 0;
  for await (const { where, bytes: text } of all) {
    searched++;
    bytes += text.length;
    const shows = options.shows?.(where) ?? [];
    for (const secret of needlesOfAll().foundIn(text))
      if (!shows.some((name) => secret.startsWith(name))) found.push(`${secret}: ${where}`);
  }
  console.log(`${searched} places, ${(bytes / 1e6).toFixed(1)} MB, ${kept.secrets.length} secrets`);
  expect(found).toEqual([]);
  expect(searched).toBeGreaterThanOrEqual(options.least);
}

test('secrets of every kind have lived', () => {
  const kinds = new Set(kept.secrets.map(({ name }) => name.split(',')[0]!));
  expect(KINDS.filter((kind) => !kinds.has(kind))).toEqual([]);
  expect(mailbox.passwords).toContain(
    kept.secrets.find(({ name }) => name === 'password of the mail server')!.value,
  );
});

test('a secret is found however it is written', () => {
  const value = 'cnry0123456789abcdef/+?';
  const looking = new Needles([{ name: 'one', value }]);
  const bytes = Buffer.from(value);
  for (const written of [
    value,
    encodeURIComponent(value),
    JSON.stringify({ value }),
    bytes.toString('hex'),
    ...['', 'x', 'xy', 'xyz'].flatMap((before) => [
      Buffer.from(before + value).toString('base64'),
      Buffer.from(`${before}${value}tail`).toString('base64url'),
    ]),
  ])
    expect(looking.foundIn(`before ${written} after`), written).not.toEqual([]);
  expect(looking.foundIn('before cnry0123456789abcdeX after')).toEqual([]);
});

describe('no secret is in', () => {
  test('the logs of any service', () =>
    search(places.filesBelow(join(dataDir, 'logs'), /^$/), { least: 5 }));

  test('any answer or page, but the one that is there to show it', () =>
    search(
      kept.answers.map(({ where, text }, n) => ({ where: `${n} ${where}`, bytes: text })),
      { least: 50, shows: (where) => kept.answers[Number.parseInt(where, 10)]!.shows },
    ));

  test('what REST answers, audit rows and exports among it', async () => {
    const { rows } = await admin.pool.query<{ connections: string; audit: string }>(
      `select (select id from connection where slug = 'works') as connections,
              (select id from audit_event where tool = 'works_echo' limit 1) as audit`,
    );
    await search(places.answersOf(owner.rest, { ...rows[0]! }), {
      least: 25,
      // Shown to those who may see connections, and to nobody else.
      shows: (where) => (where.includes('/connections') ? ['query of an address'] : []),
    });
  });

  test('any row of the database', () =>
    search(places.rowsOf(admin), {
      least: 60,
      // An address is no secret by the contract, so it is not sealed.
      shows: (where) => (where === 'table connection' ? ['query of an address'] : []),
    }));

  test('Redis', () => search(places.redisOf(stack), { least: 1 }));

  test('metrics, traces and what else was sent to the collector', () =>
    search(
      (async function* () {
        yield* places.metricsOf(stack);
        for (const bytes of collector.bodies) yield { where: 'collector', bytes };
      })(),
      // Traces and metrics of their own exist where a collector is named.
      { least: 1 },
    ));

  test('titles and arguments of processes', ({ skip }) => {
    if (process.platform !== 'linux') skip();
    return search(places.processes(), { least: 10 });
  });

  test('any file of the database, write-ahead log and dead rows among them', async () => {
    await admin.pool.query('checkpoint');
    const { rows } = await admin.pool.query<{ data_directory: string }>('show data_directory');
    await search(places.filesBelow(rows[0]!.data_directory, /^$/), {
      least: 500,
      shows: () => ['query of an address'],
    });
  });

  test('any other file of the installation', () =>
    search(places.filesBelow(dataDir, places.OWN_SECRETS), { least: 8 }));

  test('a backup, beside the files that are there for them', async () => {
    const into = mkdtempSync(join(scratch, 'backup-'));
    await search(places.backupOf(stack, into), {
      least: 5,
      shows: (where) => (where.includes('base.tar') ? ['query of an address'] : []),
    });
  });

  test('a file that others may read', () => expect(places.readableByOthers(dataDir)).toEqual([]));
});
