import type { StoredOAuthClientInformation, StoredOAuthTokens } from '@modelcontextprotocol/client';

/**
 * Where a client keeps what authorization servers gave it. Everything is kept under the issuer that
 * gave it, tokens also under the MCP server that they are for, and is never asked for by anything
 * less: so nothing of one issuer can be read while talking to another.
 */
export interface CredentialStore {
  client(issuer: string): Promise<StoredOAuthClientInformation | undefined>;
  /** `undefined` forgets it. */
  saveClient(issuer: string, client: StoredOAuthClientInformation | undefined): Promise<void>;
  tokens(issuer: string, server: string): Promise<StoredOAuthTokens | undefined>;
  saveTokens(issuer: string, server: string, tokens: StoredOAuthTokens | undefined): Promise<void>;
  /** The issuer whose tokens for this server were saved last. */
  issuerOf(server: string): Promise<string | undefined>;
}

export class MemoryCredentials implements CredentialStore {
  readonly #clients = new Map<string, StoredOAuthClientInformation>();
  readonly #tokens = new Map<string, StoredOAuthTokens>();
  readonly #issuers = new Map<string, string>();

  client = async (issuer: string) => this.#clients.get(issuer);

  async saveClient(issuer: string, client: StoredOAuthClientInformation | undefined) {
    if (client) this.#clients.set(issuer, client);
    else this.#clients.delete(issuer);
  }

  tokens = async (issuer: string, server: string) => this.#tokens.get(keyOf(issuer, server));

  async saveTokens(issuer: string, server: string, tokens: StoredOAuthTokens | undefined) {
    if (!tokens) return void this.#tokens.delete(keyOf(issuer, server));
    this.#tokens.set(keyOf(issuer, server), tokens);
    this.#issuers.set(server, issuer);
  }

  issuerOf = async (server: string) => this.#issuers.get(server);
}

const keyOf = (issuer: string, server: string) => JSON.stringify([issuer, server]);
