import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
  type OAuthClientProvider as ModernProvider,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientProvider as LegacyProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { MemoryOAuthProvider, signIn, type Person } from '@conducktor/oauth-client';

const INFO = { name: 'conducktor-test', version: '1.0.0' };

/** The official v2 client, pinned to the modern era. */
export async function connectModern(url: string, token: string): Promise<ModernClient> {
  const client = new ModernClient(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new ModernTransport(new URL(url), { requestInit: bearer(token) }));
  return client;
}

/** The official v1 client, which knows only the legacy era. */
export async function connectLegacy(url: string, token: string): Promise<LegacyClient> {
  const client = new LegacyClient(INFO);
  await client.connect(new LegacyTransport(new URL(url), { requestInit: bearer(token) }));
  return client;
}

/** The v2 client without any token: it discovers, registers and signs `person` in by itself. */
export async function connectModernSignedIn(
  url: string,
  person: Person,
  provider = new MemoryOAuthProvider(),
): Promise<{ client: ModernClient; provider: MemoryOAuthProvider }> {
  const make = () => ({
    client: new ModernClient(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    transport: new ModernTransport(new URL(url), {
      authProvider: provider as unknown as ModernProvider,
    }),
  });
  const finish = (transport: ModernTransport, answer: URLSearchParams) =>
    transport.finishAuth(answer);
  return { client: await throughOAuth(make, finish, provider, person), provider };
}

/** The same with the v1 client. */
export async function connectLegacySignedIn(
  url: string,
  person: Person,
  provider = new MemoryOAuthProvider(),
): Promise<{ client: LegacyClient; provider: MemoryOAuthProvider }> {
  const make = () => ({
    client: new LegacyClient(INFO),
    transport: new LegacyTransport(new URL(url), {
      authProvider: provider as unknown as LegacyProvider,
    }),
  });
  const finish = (transport: LegacyTransport, answer: URLSearchParams) =>
    transport.finishAuth(answer.get('code') ?? '');
  return { client: await throughOAuth(make, finish, provider, person), provider };
}

interface Connectable<Transport> {
  connect(transport: Transport): Promise<void>;
}

/** The first connection ends at the authorization page; the second carries the token. */
async function throughOAuth<Transport, Client extends Connectable<Transport>>(
  make: () => { client: Client; transport: Transport },
  finish: (transport: Transport, answer: URLSearchParams) => Promise<void>,
  provider: MemoryOAuthProvider,
  person: Person,
): Promise<Client> {
  const first = make();
  const refused = await first.client.connect(first.transport).then(
    () => undefined,
    (error: Error) => error,
  );
  if (!provider.authorizationUrl) {
    throw new Error(`The client was not sent to sign in: ${refused?.message ?? 'it connected'}`);
  }
  const answer = await signIn(provider.authorizationUrl, person);
  if (!answer.has('code')) throw new Error(`No code came back: ${answer.toString()}`);
  await finish(first.transport, answer);
  const second = make();
  await second.client.connect(second.transport);
  return second.client;
}

function bearer(token: string): RequestInit {
  return { headers: { authorization: `Bearer ${token}` } };
}
