import 'reflect-metadata';
import { webcrypto, type webcrypto as WebCrypto } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export type NamedHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface NamedServers {
  /**
   * For createOutbound: the names lead to the server, over https on port 443 and any other; whatever
   * is no name of it does not resolve.
   */
  outbound: {
    allow: string[];
    denyPorts: number[];
    ca: string;
    resolve(host: string): Promise<{ address: string; family: number; port: number }[]>;
  };
  /** What came, as `chatgpt.com/oauth/client.json`, in order. */
  requests: string[];
  /** Changes what a name answers, or adds a path of it. */
  handle(name: string, handler: NamedHandler): void;
  close(): Promise<void>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * One https server on this machine that stands in for public names such as `chatgpt.com`, with a
 * certificate authority of its own. A name without a handler answers 404.
 */
export async function startNamedServers(
  handlers: Record<string, NamedHandler>,
): Promise<NamedServers> {
  const names = Object.keys(handlers);
  const { ca, cert, key } = await certificateFor(names);
  const byName = new Map(Object.entries(handlers));
  const requests: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    const name = (request.headers.host ?? '').replace(/:\d+$/, '');
    requests.push(`${name}${request.url}`);
    const handler = byName.get(name);
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    outbound: {
      allow: names,
      denyPorts: [],
      ca,
      resolve: async (host) => {
        if (names.includes(host)) return [{ address: '127.0.0.1', family: 4, port }];
        throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });
      },
    },
    requests,
    handle: (name, handler) => void byName.set(name, handler),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with a JSON document. */
export function jsonAnswer(body: unknown, headers: Record<string, string> = {}): NamedHandler {
  return (_request, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
}

/** As PEM: an authority of its own, and a certificate for these names that it signed. */
async function certificateFor(names: string[]): Promise<{ ca: string; cert: string; key: string }> {
  // The library's types are those of browsers, its objects are Node's.
  const crypto = webcrypto as never;
  const make = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const [root, leaf] = [await make(), await make()];
  const validity = {
    notBefore: new Date(Date.now() - 3600_000),
    notAfter: new Date(Date.now() + 24 * 3600_000),
    signingAlgorithm: ALGORITHM,
  };
  const authority = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      serialNumber: '01',
      name: 'CN=Test authority',
      keys: root as never,
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    },
    crypto,
  );
  const certificate = await X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: '02',
      subject: 'CN=Test server',
      issuer: authority.subject,
      publicKey: leaf.publicKey as never,
      signingKey: root.privateKey as never,
      extensions: [
        new SubjectAlternativeNameExtension(
          names.map((name) => ({ type: 'dns' as const, value: name })),
        ),
      ],
    },
    crypto,
  );
  return {
    ca: authority.toString('pem'),
    cert: certificate.toString('pem'),
    key: await pemOf(leaf.privateKey),
  };
}

async function pemOf(key: WebCrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  const lines = der.match(/.{1,64}/g)!.join('\n');
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}
