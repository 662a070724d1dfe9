import { hash } from 'node:crypto';
import {
  audiencesOf,
  type ApiKeyClaims,
  type TokenClaims,
  type Verifier,
} from '@conducktor/identity';
import type { McpRequestContext } from '../mcp/ports.js';
import type { Workspace } from '../workspace/types.js';
import type { Workspaces } from '../workspace/workspaces.js';
import { Refusal } from './refusal.js';
import type { Caller } from './types.js';
import { viewFor } from './view-for.js';

export interface AuthenticateDeps {
  publicUrl: string;
  verifier: Verifier;
  workspaces: Workspaces;
  tokens: TokenCache;
}

/**
 * Bearer token or API key → caller. The signature is checked once per token; membership, revocation
 * and expiry are checked on every call against the current snapshot of the workspace. Only who is
 * known learns whether there is anything at this path.
 */
export async function authenticate(
  deps: AuthenticateDeps,
  context: McpRequestContext,
): Promise<Caller> {
  const { headers, resourcePath } = context;
  const token = bearerToken(headers['authorization']);
  const seen = deps.tokens.of(headers, token, resourcePath);
  const credential = seen ?? (await verify(deps, token, resourcePath));
  if (credential.expiresAtMs <= Date.now()) throw signInAgain('your access has expired');
  let workspace =
    deps.workspaces.peek(credential.tenantId) ?? (await deps.workspaces.get(credential.tenantId));
  // Seen for the first time and not in the snapshot: it may be newer than that.
  if (!seen && !knows(workspace, credential)) {
    await deps.workspaces.refresh(workspace);
    workspace = await deps.workspaces.get(credential.tenantId);
  }
  const caller =
    credential.kind === 'token'
      ? tokenCaller(credential.claims, workspace, context)
      : keyCaller(credential.claims, workspace, context);
  viewFor(caller);
  return caller;
}

function knows({ members, apiKeys }: Workspace, { kind, claims }: Credential): boolean {
  return kind === 'key' ? apiKeys.has(claims.keyId) : members.has(claims.memberId);
}

function tokenCaller(
  claims: TokenClaims,
  workspace: Workspace,
  context: McpRequestContext,
): Caller {
  const member = workspace.members.get(claims.memberId);
  if (!member || member.userId !== claims.userId)
    throw signInAgain('you are no longer a member of this workspace');
  if (workspace.revokedGrants.has(claims.grantId)) throw signInAgain('this access was revoked');
  return {
    workspace,
    member,
    clientId: claims.clientId,
    scopes: claims.scopes,
    actor: member.email,
    context,
  };
}

function keyCaller(key: ApiKeyClaims, workspace: Workspace, context: McpRequestContext): Caller {
  const entry = workspace.apiKeys.get(key.keyId);
  if (!entry) throw signInAgain('this API key was revoked');
  const member = workspace.members.get(entry.memberId);
  if (!member)
    throw signInAgain('the owner of this API key is no longer a member of this workspace');
  return {
    workspace,
    member,
    clientId: key.keyId,
    scopes: key.scopes,
    actor: member.email,
    context,
  };
}

async function verify(
  deps: AuthenticateDeps,
  token: string,
  resourcePath: string,
): Promise<Credential> {
  const credential = token.startsWith('ck_')
    ? keyCredential(await deps.verifier.verifyApiKey(token))
    : tokenCredential(
        await deps.verifier.verifyAccessToken(token, audiencesOf(deps.publicUrl, resourcePath)),
      );
  deps.tokens.set(token, resourcePath, credential);
  return credential;
}

const tokenCredential = (claims: TokenClaims): Credential => ({
  kind: 'token',
  tenantId: claims.tenantId,
  expiresAtMs: claims.exp * 1_000,
  claims,
});

const keyCredential = (claims: ApiKeyClaims): Credential => ({
  kind: 'key',
  tenantId: claims.tenantId,
  expiresAtMs: claims.exp === undefined ? Infinity : claims.exp * 1_000,
  claims,
});

function bearerToken(header: string | undefined): string {
  const match = header ? /^bearer +([^\s,]+)$/i.exec(header) : null;
  if (!match) throw signInAgain('this request carries no access token');
  return match[1]!;
}

function signInAgain(why: string): Refusal {
  return new Refusal('unauthenticated', `Sign in again: ${why}.`);
}

type Credential = { tenantId: string; expiresAtMs: number } & (
  | { kind: 'token'; claims: TokenClaims }
  | { kind: 'key'; claims: ApiKeyClaims }
);

/** Verified credentials by hash of token and resource: the token itself is never kept. Bounded. */
export class TokenCache {
  private readonly entries = new Map<string, Credential>();
  private readonly requests = new WeakMap<
    object,
    { resourcePath: string; credential: Credential }
  >();
  constructor(private readonly limit = 20_000) {}

  /** `headers` are the request's, which is authenticated by its transport and by its story: hashed once. */
  of(headers: object, token: string, resourcePath: string): Credential | undefined {
    const known = this.requests.get(headers);
    if (known?.resourcePath === resourcePath) return known.credential;
    const credential = this.get(token, resourcePath);
    if (credential) this.requests.set(headers, { resourcePath, credential });
    return credential;
  }

  get(token: string, resourcePath: string): Credential | undefined {
    return this.entries.get(entryOf(token, resourcePath));
  }

  set(token: string, resourcePath: string, credential: Credential): void {
    if (this.entries.size >= this.limit) {
      const [oldest] = this.entries.keys();
      if (oldest !== undefined) this.entries.delete(oldest);
    }
    this.entries.set(entryOf(token, resourcePath), credential);
  }
}

const entryOf = (token: string, resourcePath: string) =>
  hash('sha256', `${token}\n${resourcePath}`, 'base64url');
