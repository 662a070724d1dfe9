import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimMail, createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, type TestDatabase } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { mailDir } from '../src/mail/mail-dir.js';
import { openWayOut, NO_MAIL } from '../src/mail/open-way-out.js';
import { startSender, type SenderDeps } from '../src/mail/sender.js';
import { openOutbox, startMailServer, type MailServer } from './smtp.js';

const SECRET = randomBytes(32).toString('base64url');
const FROM = 'Conducktor <mail@tools.example>';

/** What main.ts runs, in a process that can be killed. */
const SENDER = `
  import { createDb } from '@conducktor/db';
  import { createLogger, deriveKey } from '@conducktor/runtime';
  import { createVault } from '@conducktor/vault';
  import { openWayOut } from './dist/mail/open-way-out.js';
  import { hostOf, startSender } from './dist/mail/sender.js';
  const { SECRET, DATABASE, SMTP, FROM } = process.env;
  const db = createDb(DATABASE);
  startSender({
    db,
    vault: createVault({ kek: deriveKey(SECRET, 'kek'), db }),
    wayOut: openWayOut({ SMTP_URL: SMTP, MAIL_FROM: FROM }),
    host: hostOf(FROM),
    logger: createLogger('auth', 'fatal'),
  });
`;

let database: TestDatabase;
let db: Db;
let outbox: ReturnType<typeof openOutbox>;
const ending: (() => unknown)[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  db = createDb(database.urlFor('conducktor_auth'));
  outbox = openOutbox(db, SECRET);
});
afterAll(async () => {
  await db.end();
  await database.drop();
});
beforeEach(() => db.pool.query('delete from mail_outbox'));
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function server(options?: Parameters<typeof startMailServer>[0]): Promise<MailServer> {
  const started = await startMailServer(options);
  ending.push(() => started.stop());
  return started;
}

/** A sender whose retries come at once and whose poll does not, unless said otherwise. */
function sender(url: string, options: Partial<SenderDeps> = {}) {
  const started = startSender({
    db,
    vault: outbox.vault,
    wayOut: openWayOut({ SMTP_URL: url, MAIL_FROM: FROM }),
    host: 'tools.example',
    logger: createLogger('auth', 'fatal'),
    pollMs: 50,
    firstRetrySeconds: 0.05,
    ...options,
  });
  ending.push(() => started.stop());
  return started;
}

const settled = (id: string) =>
  vi.waitFor(
    async () => {
      const row = await outbox.row(id);
      expect(row.sent_at ?? row.failed_at).not.toBeNull();
      return row;
    },
    { timeout: 10_000, interval: 20 },
  );

describe('a letter in the outbox', () => {
  test('leaves at once by the word of its transaction, as plain text, and is emptied', async () => {
    const mail = await server();
    // The first look is over before the letter is there, and the next one is far away.
    const poll = sender(mail.url, { pollMs: 3_600_000 });
    await vi.waitFor(async () => {
      const { rows } = await db.pool.query(
        'select from pg_stat_activity where query = \'listen "mail_outbox"\'',
      );
      expect(rows).toHaveLength(1);
    });
    const id = await outbox.queue({
      subject: 'Café\r\nBcc: all@example.com',
      text: 'Schöne Grüße\n\nhttps://tools.example/verify?token=abc\n',
    });
    const [letter] = await mail.got(1);
    expect(letter!.to).toEqual(['pat@example.com']);
    expect(letter!.text.replaceAll('\r\n', '\n').trim()).toBe(
      'Schöne Grüße\n\nhttps://tools.example/verify?token=abc',
    );
    expect(letter!.headers.get('from')).toBe(FROM);
    expect(letter!.headers.get('message-id')).toBe(`<${id}@tools.example>`);
    expect(letter!.headers.get('auto-submitted')).toBe('auto-generated');
    expect(letter!.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(letter!.headers.has('bcc')).toBe(false);
    const row = await settled(id);
    expect(row).toMatchObject({ sealed: null, attempts: 1, failed_at: null, last_error: null });
    await poll.stop();
  });

  test('is brought again after 451 (greylisting), as the same letter', async () => {
    let refusals = 2;
    const mail = await server({
      onRcptTo: (_address, _session, done) =>
        refusals-- > 0
          ? done(Object.assign(new Error('Greylisted, come back later'), { responseCode: 451 }))
          : done(),
    });
    const id = await outbox.queue();
    sender(mail.url);
    const [letter] = await mail.got(1);
    expect(letter!.headers.get('message-id')).toBe(`<${id}@tools.example>`);
    expect(await settled(id)).toMatchObject({ attempts: 3, failed_at: null });
  });

  test('refused for good is a dead letter with the reason, without the address or its text', async () => {
    const mail = await server({
      onRcptTo: ({ address }, _session, done) =>
        address.startsWith('nobody')
          ? done(Object.assign(new Error(`No such user ${address}`), { responseCode: 550 }))
          : done(),
    });
    const dead = await outbox.queue({ to: 'nobody@example.com' });
    const good = await outbox.queue();
    sender(mail.url);
    const row = await settled(dead);
    expect(row).toMatchObject({ sent_at: null, sealed: null, attempts: 1 });
    expect(row.last_error).toContain('550');
    expect(row.last_error).toContain('No such user <recipient>');
    expect(row.last_error).not.toContain('nobody@');
    expect((await settled(good)).sent_at).not.toBeNull();
  });

  test('survives a connection that drops in the middle, and a server that hangs', async () => {
    let connections = 0;
    const held: (() => void)[] = [];
    const mail = await server({
      onMailFrom: (_address, session, done) => {
        connections++;
        // The first connection is cut, the second gets no answer, the third is served.
        if (connections === 1) mail.cut(session.remotePort);
        else if (connections === 2) held.push(() => done());
        else done();
      },
    });
    const id = await outbox.queue();
    sender(mail.url, { attemptSeconds: 1, leaseSeconds: 3 });
    const [letter] = await mail.got(1);
    expect(letter!.headers.get('message-id')).toBe(`<${id}@tools.example>`);
    expect(await settled(id)).toMatchObject({ attempts: 3 });
    held.forEach((answer) => answer());
  });

  test('is sent once, however many processes send', async () => {
    const mail = await server();
    const ids = await Promise.all(
      Array.from({ length: 30 }, (_, n) => outbox.queue({ to: `p${n}@example.com` })),
    );
    sender(mail.url);
    sender(mail.url);
    sender(mail.url);
    await Promise.all(ids.map(settled));
    expect(mail.received).toHaveLength(30);
    expect(new Set(mail.received.map(({ to }) => to[0])).size).toBe(30);
  });

  test('is claimed by one of many who look at the same moment', async () => {
    for (let n = 0; n < 60; n++) await outbox.queue();
    const claims = await Promise.all(
      Array.from({ length: 40 }, () => claimMail(db, { limit: 5, leaseSeconds: 60 })),
    );
    const ids = claims.flat().map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is sent again under the same Message-ID when its process was killed before it noted it', async () => {
    let child = undefined as ReturnType<typeof spawn> | undefined;
    const mail = await server({
      onData: (stream, _session, done) => {
        stream.resume();
        stream.on('end', () => {
          // It has the whole letter; whoever sent it never hears so.
          child!.kill('SIGKILL');
          child!.once('exit', () => done());
        });
      },
    });
    const second = await server();
    const id = await outbox.queue();
    child = spawn(process.execPath, ['--input-type=module', '--eval', SENDER], {
      cwd: join(import.meta.dirname, '..'),
      stdio: 'ignore',
      env: { SECRET, DATABASE: database.urlFor('conducktor_auth'), SMTP: mail.url, FROM },
    });
    ending.push(() => child!.kill('SIGKILL'));
    await new Promise((resolve) => child!.once('exit', resolve));
    const between = await outbox.row(id);
    expect(between).toMatchObject({ sent_at: null, attempts: 1 });
    // Nobody else has it while the lease lasts.
    expect(between.next_at.getTime()).toBeGreaterThan(Date.now() + 60_000);
    await db.pool.query('update mail_outbox set next_at = now()');
    sender(second.url);
    const [letter] = await second.got(1);
    expect(letter!.headers.get('message-id')).toBe(`<${id}@tools.example>`);
    expect(await settled(id)).toMatchObject({ attempts: 2 });
  });

  test('waits while our own password is wrong, which is said without the password', async () => {
    let right = false;
    const mail = await server({
      authOptional: false,
      onAuth: ({ password }, _session, done) =>
        right && password === 'p@ss word'
          ? done(null, { user: 'u' })
          : done(Object.assign(new Error(`Invalid login ${password}`), { responseCode: 535 })),
    });
    const url = mail.url.replace('//', `//user:${encodeURIComponent('p@ss word')}@`);
    const id = await outbox.queue();
    sender(url);
    await vi.waitFor(async () => expect((await outbox.row(id)).attempts).toBeGreaterThan(1), {
      timeout: 30_000,
    });
    const row = await outbox.row(id);
    expect(row.failed_at).toBeNull();
    expect(row.last_error).toContain('535');
    expect(row.last_error).not.toContain('p@ss');
    right = true;
    expect((await settled(id)).sent_at).not.toBeNull();
  });
});

describe('without a mail server', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'conducktor-mail-'));
    ending.push(() => rmSync(dir, { recursive: true }));
  });

  test('a letter is one file that only its owner reads, also when it is written twice', async () => {
    const wayOut = mailDir(join(dir, 'mail'));
    const letter = {
      to: 'pat@example.com',
      subject: 'A letter',
      text: 'Text.\n',
      messageId: 'mai_x@localhost',
      createdAt: new Date('2026-03-04T05:06:07.890Z'),
    };
    await wayOut.send(letter, AbortSignal.timeout(1000));
    await wayOut.send(letter, AbortSignal.timeout(1000));
    const names = readdirSync(join(dir, 'mail'));
    expect(names).toEqual(['20260304T050607Z_mai_x.txt']);
    const path = join(dir, 'mail', names[0]!);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'mail')).mode & 0o777).toBe(0o700);
    expect(readFileSync(path, 'utf8')).toBe(
      'To: pat@example.com\nSubject: A letter\nDate: 2026-03-04T05:06:07.890Z\nMessage-ID: <mai_x@localhost>\n\nText.\n',
    );
  });

  test('the oldest files go when there are more than 200', async () => {
    const wayOut = mailDir(dir);
    for (let n = 0; n < 203; n++) {
      await wayOut.send(
        {
          to: 'pat@example.com',
          subject: 's',
          text: 't',
          messageId: `mai_${n}@localhost`,
          createdAt: new Date(Date.UTC(2026, 0, 1, 0, 0, n)),
        },
        AbortSignal.timeout(1000),
      );
    }
    const names = readdirSync(dir).sort();
    expect(names).toHaveLength(200);
    expect(names[0]).toContain('mai_3.');
  });

  test('and without a folder it is a dead letter that names what is missing', async () => {
    const id = await outbox.queue();
    sender('', { wayOut: openWayOut({ MAIL_FROM: FROM }) });
    expect(await settled(id)).toMatchObject({ sent_at: null, sealed: null, last_error: NO_MAIL });
  });
});
