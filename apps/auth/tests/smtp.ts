import type { AddressInfo, Socket } from 'node:net';
import { insertMail, type Db } from '@conducktor/db';
import { openMail, sealMail, type Mail } from '@conducktor/mail';
import { createVault, type Vault } from '@conducktor/vault';
import { deriveKey } from '@conducktor/runtime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { AuthService } from './harness.js';

/** What an SMTP server was handed. */
export interface Received {
  to: string[];
  headers: Map<string, string>;
  text: string;
  raw: string;
}

export interface MailServer {
  url: string;
  received: Received[];
  /** Resolves when `count` letters were taken. */
  got(count: number): Promise<Received[]>;
  /** Ends the connection that comes from this port, without a word. */
  cut(remotePort: number): void;
  stop(): Promise<void>;
}

/** A mail server on this machine. What it does at each step is `options`; otherwise it takes every letter. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const received: Received[] = [];
  const waiting: (() => void)[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    onData: (stream, session, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        received.push(
          read(
            Buffer.concat(parts).toString('utf8'),
            session.envelope.rcptTo.map(({ address }) => address),
          ),
        );
        done();
        waiting.forEach((look) => look());
      });
    },
    ...options,
  });
  server.on('error', () => {});
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    got: async (count) => {
      while (received.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
      return received;
    },
    cut: (remotePort) => {
      for (const socket of sockets) if (socket.remotePort === remotePort) socket.destroy();
    },
    stop: () => {
      sockets.forEach((socket) => socket.destroy());
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A message (RFC 5322) in quoted-printable or plain. */
export function read(raw: string, to: string[]): Received {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const headers = new Map(
    head
      .replace(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map(
        (line) => [line.split(':', 1)[0]!.toLowerCase(), line.replace(/^[^:]*: ?/, '')] as const,
      ),
  );
  const body = rest.join('\r\n\r\n');
  const text = /quoted-printable/i.test(headers.get('content-transfer-encoding') ?? '')
    ? Buffer.from(
        body
          .replace(/=\r\n/g, '')
          .replace(/=([0-9A-F]{2})/g, (_all, hex: string) =>
            String.fromCharCode(Number.parseInt(hex, 16)),
          ),
        'latin1',
      ).toString('utf8')
    : body;
  return { to, headers, text, raw };
}

/** The outbox of a database, with the key that its letters are sealed under. */
export function openOutbox(db: Db, secretKey: string) {
  const vault: Vault = createVault({ kek: deriveKey(secretKey, 'kek'), db });
  return {
    vault,
    async queue(mail: Partial<Mail> = {}): Promise<string> {
      const row = sealMail(vault.sealForInstall, {
        to: 'pat@example.com',
        subject: 'A letter',
        text: 'Text.\n',
        ...mail,
      });
      await insertMail(db.pool, row);
      return row.id;
    },
    async row(id: string) {
      const { rows } = await db.pool.query('select * from mail_outbox where id = $1', [id]);
      return rows[0] as {
        sealed: Buffer | null;
        attempts: number;
        next_at: Date;
        sent_at: Date | null;
        failed_at: Date | null;
        last_error: string | null;
      };
    },
  };
}

/** The letters to an address that wait in the service's outbox, oldest first. Nothing sends them. */
export async function lettersTo(service: AuthService, email: string): Promise<Mail[]> {
  const { vault } = openOutbox(service.db, service.config.SECRET_KEY);
  const { rows } = await service.db.pool.query<{ id: string; sealed: Buffer }>(
    'select id, sealed from mail_outbox where sealed is not null order by created_at',
  );
  return rows.map((row) => openMail(vault.openForInstall, row)).filter(({ to }) => to === email);
}

/** The address in a letter, below this path. */
export function linkIn(mail: Mail | undefined, path: string): string {
  const found = mail?.text.split('\n').find((line) => line.includes(`${path}?token=`));
  if (!found) throw new Error(`There is no link to ${path} in: ${mail?.text}`);
  return found.trim();
}
