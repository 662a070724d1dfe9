import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { SMTPServer } from 'smtp-server';

/** A mail server that asks for a password and takes every letter. */
export interface Mailbox {
  port: number;
  /** As they came, quoted-printable undone. */
  letters: string[];
  /** What was given as password. */
  passwords: string[];
  close(): Promise<void>;
}

export async function startMailbox(): Promise<Mailbox> {
  const letters: string[] = [];
  const passwords: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) => {
      passwords.push(password ?? '');
      done(null, { user: username ?? '' });
    },
    onData: (stream, _session, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        letters.push(text.replaceAll('=\r\n', '').replaceAll('=3D', '='));
        done();
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    letters,
    passwords,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Takes whatever is posted to it, as an OpenTelemetry collector does. */
export async function startCollector() {
  const bodies: Buffer[] = [];
  const { server, port } = await listening((body, incoming) => {
    bodies.push(incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
    return [200, '{}'];
  });
  return { port, bodies, close: () => ended(server) };
}

/** A server that fails, and says in its words all that it was sent: its address, headers and body. */
export async function startQuotingServer() {
  let asked = 0;
  const { server, port } = await listening((body, { url, headers }) => {
    asked++;
    return [500, `cannot take ${url} ${JSON.stringify(headers)} ${body.toString()}`];
  });
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    get asked() {
      return asked;
    },
    close: () => ended(server),
  };
}

async function listening(
  answer: (body: Buffer, incoming: IncomingMessage) => [status: number, text: string],
): Promise<{ server: Server; port: number }> {
  const server = createServer(async (incoming, response) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const [status, text] = answer(Buffer.concat(parts), incoming);
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

function ended(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
