import { createPrivateKeyJwtAuth } from '@modelcontextprotocol/client';
import { exportJWK, generateKeyPair } from 'jose';
import { jsonAnswer, type NamedHandler } from '@conducktor/testing';
import type { Person } from '@conducktor/oauth-client';
import { openClient, type HostedClient, type HostedClientOptions } from './hosted-client.js';

export const DOCUMENT = 'https://chatgpt.com/oauth/client.json';
export const REDIRECT = 'https://chatgpt.com/connector_platform_oauth_redirect';
/** Where each connector got its answers when the server names no issuer in them. */
export const REDIRECT_OF = (id: string) => `https://chatgpt.com/connector/oauth/${id}`;
/** Callbacks of integrations from before connectors. */
export const OLD_REDIRECTS = [
  'https://chatgpt.com/aip/callback',
  'https://chat.openai.com/aip/callback',
  'https://chat.openai.com/oauth/callback',
];

const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
const KEY = { ...(await exportJWK(privateKey)), kid: 'chatgpt-1', alg: 'ES256' };
const PUBLIC_KEY = { ...(await exportJWK(publicKey)), kid: 'chatgpt-1', alg: 'ES256' };

/** What chatgpt.com serves: a document that names its methods in the plural, and its keys. */
export const chatgptCom: NamedHandler = (request, response) =>
  jsonAnswer(
    request.url === '/oauth/jwks.json'
      ? { keys: [PUBLIC_KEY] }
      : {
          client_id: DOCUMENT,
          client_name: 'ChatGPT',
          redirect_uris: [REDIRECT],
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          token_endpoint_auth_methods: ['none', 'private_key_jwt'],
          jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
        },
  )(request, response);

type Fixed = Partial<HostedClientOptions>;

/** ChatGPT with the address that a person typed, introducing itself by its document. */
export function chatgpt(mcp: string, person: Person, fixed: Fixed = {}): HostedClient {
  return openClient({
    name: 'ChatGPT',
    mcp,
    person,
    redirectUrl: REDIRECT,
    metadataUrl: DOCUMENT,
    ...fixed,
  });
}

/** The same where token requests are signed with its key. */
export function signingChatgpt(mcp: string, person: Person): HostedClient {
  const signFor = (issuer: string) =>
    createPrivateKeyJwtAuth({
      issuer: DOCUMENT,
      subject: DOCUMENT,
      privateKey: KEY,
      alg: 'ES256',
      audience: issuer,
    });
  return chatgpt(mcp, person, { signFor });
}

/**
 * Calls a tool as ChatGPT does: when the error result says in `mcp/www_authenticate` that a scope
 * is missing, the person links again with what it names, and the same call is made once more.
 */
export async function callAndLink(client: HostedClient, name: string, args: object) {
  const call = async () => {
    const { access_token: token } = (await client.oauth.tokens())!;
    const response = await fetch(client.oauth.server, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name, arguments: args },
      }),
    });
    return (await response.json()) as { result: ToolResult };
  };
  const first = (await call()).result;
  const [challenge] = first._meta?.['mcp/www_authenticate'] ?? [];
  if (!first.isError || challenge === undefined) return { first, last: first };
  await client.authorize(/scope="([^"]*)"/.exec(challenge)![1]);
  return { first, last: (await call()).result };
}

export interface ToolResult {
  isError?: boolean;
  content: { type: string; text: string }[];
  _meta?: Record<string, unknown> & { 'mcp/www_authenticate'?: string[] };
}
