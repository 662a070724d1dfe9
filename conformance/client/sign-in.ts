import { authorizedFetch, createOAuthClient, MemoryCredentials } from '@conducktor/oauth-client';
import { createOutbound } from '@conducktor/outbound';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** What the suite hands over in the scenario of a client that was registered by hand. */
export interface Credentials {
  issuer?: string;
  client_id?: string;
  client_secret?: string;
}

/** The suite knows this address; nothing is served there. */
const METADATA_URL = 'https://conformance-test.local/client-metadata.json';
const REDIRECT_URL = 'http://127.0.0.1:3999/callback';

/**
 * The client side of the suite's `auth/*` scenarios: our OAuth client, by the guarded way out, under
 * an MCP client that lists the tools and calls the first. The suite's authorization servers have no
 * pages: the browser goes straight to the redirect.
 * @throws what signing in was refused for, which some scenarios want
 */
export async function signInAndCall(
  url: string,
  revision: string,
  credentials: Credentials,
): Promise<void> {
  const outbound = createOutbound({ allow: ['loopback'], denyPorts: [] });
  const { issuer, client_id: id, client_secret: secret } = credentials;
  const oauth = createOAuthClient({
    server: new URL(url),
    redirectUrl: REDIRECT_URL,
    metadata: { client_name: 'Conducktor', redirect_uris: [REDIRECT_URL] },
    metadataUrl: METADATA_URL,
    ...(issuer &&
      id &&
      secret && { preRegistered: new Map([[issuer, { client_id: id, client_secret: secret }]]) }),
    store: new MemoryCredentials(),
    fetch: outbound.fetch,
  });
  const fetch = authorizedFetch(oauth, async (address) => {
    const { headers } = await outbound.fetch(address, { redirect: 'manual' });
    return new URL(headers.get('location')!).searchParams;
  });
  const client = new Client(
    { name: 'conducktor', version: '1.0.0' },
    { versionNegotiation: { mode: revision === '2026-07-28' ? { pin: revision } : 'legacy' } },
  );
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }));
    const { tools } = await client.listTools();
    for (const { name } of tools.slice(0, 1)) await client.callTool({ name, arguments: {} });
    await client.close();
  } finally {
    await outbound.close();
  }
}
