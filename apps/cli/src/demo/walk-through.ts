import {
  StreamableHTTPClientTransport,
  Client,
  type OAuthClientProvider,
} from '@modelcontextprotocol/client';
import { MemoryOAuthProvider, signIn } from '@conducktor/oauth-client';
import { expiredCopyOf } from './expired-token.js';
import { makeCalls, type ShownCall } from './calls.js';
import { recordedFetch, type Exchange } from './recorded-fetch.js';
import type { DemoAccess } from '../stack/state.js';

export interface WalkDeps {
  publicUrl: string;
  demo: DemoAccess;
  /** To make a token of yesterday, see expired-token.ts. */
  signer: { databaseUrl: string; secretKey: string };
}

export interface Walked {
  /** What the client exchanged with us until it held a token. */
  signIn: Exchange[];
  tools: number;
  calls: ShownCall[];
}

/** A person's client, signed in. */
export interface Session {
  client: Client;
  token: string;
}

/**
 * Acts as two people's AI clients on the public address: discovery, registration, PKCE, sign-in pages,
 * consent, token; then calls that show every kind of answer. Uses the official SDK and nothing of ours.
 */
export async function walkThrough(deps: WalkDeps): Promise<Walked> {
  const { demo } = deps;
  await requireAnswer(deps.publicUrl);
  const owner = await openSession(deps.publicUrl, demo);
  const contractor = await openSession(deps.publicUrl, demo.contractor);
  try {
    const { tools } = await owner.client.listTools();
    const expired = await expiredCopyOf(owner.token, deps.signer);
    return {
      signIn: owner.exchanges,
      tools: tools.length,
      calls: await makeCalls({ url: `${deps.publicUrl}/mcp`, owner, contractor, expired }),
    };
  } finally {
    await Promise.allSettled([owner.client.close(), contractor.client.close()]);
  }
}

async function requireAnswer(publicUrl: string): Promise<void> {
  try {
    await fetch(`${publicUrl}/healthz`, { signal: AbortSignal.timeout(5_000) });
  } catch {
    throw new Error(
      `${publicUrl} does not answer from here; they are made at the next start after the tunnel to this port is open.`,
    );
  }
}

async function openSession(
  publicUrl: string,
  person: { email: string; password: string },
): Promise<Session & { exchanges: Exchange[] }> {
  const exchanges: Exchange[] = [];
  const provider = new MemoryOAuthProvider(
    'http://127.0.0.1:33418/callback',
    undefined,
    'Conducktor demo',
  );
  const make = () => ({
    client: new Client(
      { name: 'conducktor-demo', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    ),
    transport: new StreamableHTTPClientTransport(new URL(`${publicUrl}/mcp`), {
      authProvider: provider as unknown as OAuthClientProvider,
      fetch: recordedFetch(exchanges),
    }),
  });
  const first = make();
  const refused = await first.client.connect(first.transport).then(
    () => 'it was let in without a token',
    (error: Error) => error.message,
  );
  if (!provider.authorizationUrl)
    throw new Error(`The demo's client was not sent to sign in: ${refused}`);
  const started = performance.now();
  const answer = await signIn(provider.authorizationUrl, {
    email: person.email,
    password: person.password,
  });
  exchanges.push({
    what: 'the pages: login, workspace, consent',
    means: 'a person decides; PKCE S256',
    status: answer.has('code') ? 'code' : (answer.get('error') ?? 'none'),
    ms: performance.now() - started,
  });
  await first.transport.finishAuth(answer);
  const { client, transport } = make();
  await client.connect(transport);
  return { client, token: provider.accessToken, exchanges: [...exchanges] };
}
