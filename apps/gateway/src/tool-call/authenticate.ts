import { hash } from 'node:crypto';
import { ConducktorError } from '@conducktor/contracts';
import {
  audiencesOf,
  type ApiKeyClaims,
  type TokenClaims,
  type Verifier,
} from '@conducktor/identity';
import type { StrangerLimit } from '../limits/stranger-limit.js';
import type { McpRequestContext } from '../mcp/ports.js';
import type { Workspaces } from '../workspace/workspaces.js';
import { Refusal } from './refusal.js';
import { refuseFrozen, whyOut, type RightHolder } from './right.js';
import type { Caller } from './types.js';
import { viewFor } from './view-for.js';

export interface AuthenticateDeps {
  publicUrl: string;
  verifier: Verifier;
  workspaces: Workspaces;
  tokens: TokenCache;
  strangers: StrangerLimit;
}

/**
 * Bearer token or API key → caller. The signature is checked once per token; membership, revocation
 * and expiry are checked on every call against the current snapshot of the workspace. Only who is
 * known learns whether there is anything at this path. Throws the refusal `frozen` for whom the
 * workspace has stopped; `asked` is what its record says was asked.
 */
export async function authenticate(
  deps: AuthenticateDeps,
  context: McpRequestContext,
  asked = context.resourcePath,
): Promise<Caller> {
  const caller = await identify(deps, context);
  refuseFrozen(caller, asked);
  return caller;
}

/** The same for whoever only has to know who it is: the frozen are told so by what they ask for. */
export async function identify(
  deps: AuthenticateDeps,
  context: McpRequestContext,
): Promise<Caller> {
  const seen = deps.tokens.of(context);
  const credential = seen ?? (await verify(deps, context));
  if (credential.expiresAtMs <= Date.now()) throw signInAgain('your access has expired');
  if (credential.signedBy !== undefined && !deps.verifier.keyStands(credential.signedBy))
    throw signInAgain('the key that signed your access was taken out of use');
  let workspace =
    deps.workspaces.peek(credential.tenantId) ?? (await deps.workspaces.get(credential.tenantId));
  // Seen for the first time and not in the snapshot: it may be newer than that.
  if (!seen && whyOut(workspace, credential.holder) !== undefined) {
    await deps.workspaces.refresh(workspace);
    workspace = await deps.workspaces.get(credential.tenantId);
  }
  const { holder } = credential;
  const why = whyOut(workspace, holder);
  if (why !== undefined) throw signInAgain(why);
  const member = workspace.members.get(holder.member.id)!;
  const caller: Caller = {
    workspace,
    member,
    clientId: holder.clientId,
    credential: holder.credential,
    scopes: credential.scopes,
    actor: member.email,
    context,
  };
  viewFor(caller);
  return caller;
}

async function verify(deps: AuthenticateDeps, context: McpRequestContext): Promise<Credential> {
  const { headers, resourcePath, sourceIp } = context;
  const token = bearerToken(headers['authorization']);
  const credential = token.startsWith('ck_')
    ? keyCredential(await tried(deps, sourceIp, () => deps.verifier.verifyApiKey(token)))
    : tokenCredential(
        await deps.verifier.verifyAccessToken(token, audiencesOf(deps.publicUrl, resourcePath)),
      );
  deps.tokens.set(context, credential);
  return credential;
}

/** Each key that is not known costs a look into Postgres: one address may try so many, and then wait. */
async function tried<T>(
  { strangers }: AuthenticateDeps,
  sourceIp: string,
  look: () => Promise<T>,
): Promise<T> {
  const retryAfterMs = strangers.waitOf(sourceIp);
  if (retryAfterMs > 0)
    throw new Refusal(
      'rate_limited',
      `Too many API keys that are not valid came from your address. Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
      { retryAfterMs },
    );
  try {
    return await look();
  } catch (error) {
    if (error instanceof ConducktorError && error.code === 'unauthenticated')
      strangers.failed(sourceIp);
    throw error;
  }
}

const tokenCredential = (claims: TokenClaims): Credential => ({
  tenantId: claims.tenantId,
  expiresAtMs: claims.exp * 1_000,
  signedBy: claims.signedBy,
  scopes: claims.scopes,
  holder: {
    member: { id: claims.memberId, userId: claims.userId },
    clientId: claims.clientId,
    credential: { kind: 'grant', id: claims.grantId },
  },
});

const keyCredential = (claims: ApiKeyClaims): Credential => ({
  tenantId: claims.tenantId,
  expiresAtMs: claims.exp === undefined ? Infinity : claims.exp * 1_000,
  scopes: claims.scopes,
  holder: {
    member: { id: claims.memberId, userId: claims.userId },
    clientId: claims.keyId,
    credential: { kind: 'key', id: claims.keyId },
  },
});

function bearerToken(header: string | undefined): string {
  const match = header ? /^bearer +([^\s,]+)$/i.exec(header) : null;
  if (!match) throw signInAgain('this request carries no access token');
  return match[1]!;
}

function signInAgain(why: string): Refusal {
  return new Refusal('unauthenticated', `Sign in again: ${why}.`);
}

/** What was verified once. Everything else about it is the snapshot's to say. */
interface Credential {
  tenantId: string;
  expiresAtMs: number;
  /** The key that signed an access token; it may be taken out of use before the token expires. */
  signedBy?: string;
  scopes: readonly string[];
  holder: RightHolder;
}

class Verified {
  constructor(
    readonly resourcePath: string,
    readonly credential: Credential,
  ) {}
}

/**
 * Verified credentials by the hash of the header that brought them, and resource: the token itself is
 * never kept. A header that is known is not read again. Bounded.
 */
export class TokenCache {
  private readonly entries = new Map<string, Credential>();
  constructor(private readonly limit = 20_000) {}

  /** A request is authenticated by its transport and by its story: its token is hashed once. */
  of(context: McpRequestContext): Credential | undefined {
    const { headers, resourcePath, verified } = context;
    if (verified instanceof Verified && verified.resourcePath === resourcePath)
      return verified.credential;
    const { authorization } = headers;
    if (authorization === undefined) return undefined;
    const credential = this.entries.get(entryOf(authorization, resourcePath));
    if (credential) context.verified = new Verified(resourcePath, credential);
    return credential;
  }

  set({ headers, resourcePath }: McpRequestContext, credential: Credential): void {
    if (this.entries.size >= this.limit) {
      const [oldest] = this.entries.keys();
      if (oldest !== undefined) this.entries.delete(oldest);
    }
    this.entries.set(entryOf(headers['authorization']!, resourcePath), credential);
  }
}

/**
 * One for each token and resource, however its header is written, and one for each key, which is good for
 * every resource: else who has one could fill the cache with it.
 */
function entryOf(authorization: string, resourcePath: string): string {
  const isUsual = authorization.startsWith('Bearer ') && authorization[7] !== ' ';
  const header = isUsual ? authorization : `Bearer ${bearerToken(authorization)}`;
  const digest = hash('sha256', header, 'base64url');
  return header.startsWith('ck_', 'Bearer '.length) ? digest : digest + resourcePath;
}
