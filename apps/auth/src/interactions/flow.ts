import { consumeOidcPayload, type Db } from '@conducktor/db';
import type Provider from 'oidc-provider';
import { errors, type InteractionResults } from 'oidc-provider';
import { holdsFlow, type CookieNames } from '../oidc/cookies.js';
import { isUrlLike } from '../oidc/client-documents/document-url.js';
import { redirectHost, redirectSource, isLoopbackRedirect } from '../oidc/redirects.js';
import { plainName } from '../accounts/plain-name.js';
import { flowEnded } from './page-error.js';

type Interaction = InstanceType<Provider['Interaction']>;

/** A sign-in under way: what a client asked for, and how far the person has come. */
export interface Flow {
  uid: string;
  step: 'login' | 'consent';
  clientId: string;
  clientName: string;
  /** Where the app's own metadata document is; undefined for one that registered. */
  documentHost: string | undefined;
  redirectUri: string;
  redirectHost: string;
  /** For the Content-Security-Policy of pages whose forms may lead there. */
  redirectSource: string;
  isLocal: boolean;
  scopes: string[];
  resource: string;
  /** It gets a refresh token with its code. */
  staysConnected: boolean;
  /** Who is signed in, from the consent step on. */
  accountId: string | undefined;
  interaction: Interaction;
}

export interface FlowDeps {
  db: Db;
  provider: Provider;
  cookies: CookieNames;
}

const UID = /^[A-Za-z0-9_-]{16,64}$/;

/** The sign-in `uid`, provided that this browser began it and it is not finished. Throws PageError. */
export async function loadFlow(
  deps: FlowDeps,
  uid: string,
  cookieHeader: string | undefined,
): Promise<Flow> {
  if (!UID.test(uid) || !holdsFlow(deps.cookies, cookieHeader, uid)) throw flowEnded();
  const interaction = await deps.provider.Interaction.find(uid);
  if (!interaction || interaction.result) throw flowEnded();
  const params = interaction.params as Record<string, string | undefined>;
  const clientId = params['client_id'] ?? '';
  const client = await deps.provider.Client.find(clientId);
  if (!client || !params['redirect_uri']) throw flowEnded();
  const redirectUri = params['redirect_uri'];
  const host = redirectHost(redirectUri);
  const documentHost = isUrlLike(clientId) ? URL.parse(clientId)?.host : undefined;
  return {
    uid,
    step: interaction.prompt.name === 'login' ? 'login' : 'consent',
    clientId,
    clientName: plainName(client.clientName ?? '') || documentHost || host,
    documentHost,
    redirectUri,
    redirectHost: host,
    redirectSource: redirectSource(redirectUri),
    isLocal: isLoopbackRedirect(redirectUri),
    scopes: (params['scope'] ?? '').split(' ').filter(Boolean),
    resource: params['resource'] ?? '',
    staysConnected: client.grantTypeAllowed('refresh_token'),
    accountId: interaction.session?.accountId,
    interaction,
  };
}

/** Makes this step of the sign-in the caller's. A second post of the same page finds it taken. */
export async function claimFlow(deps: FlowDeps, flow: Flow): Promise<void> {
  if (!(await consumeOidcPayload(deps.db, 'Interaction', flow.uid))) throw flowEnded();
}

/** Stores how the step ended; returns the address at which the authorization goes on. */
export async function finishFlow(flow: Flow, result: InteractionResults): Promise<string> {
  const { interaction } = flow;
  interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result };
  await interaction.save(interaction.exp - Math.floor(Date.now() / 1000));
  return interaction.returnTo;
}

/** What a client is told when the person chose not to. */
export const cancelled: InteractionResults = {
  error: new errors.AccessDenied().error,
  error_description: 'the person cancelled',
};

/** The same authorization request from its beginning. */
export function restartUrl(publicUrl: string, flow: Flow): string {
  const url = new URL('/oauth2/authorize', publicUrl);
  for (const [name, value] of Object.entries(flow.interaction.params)) {
    if (typeof value === 'string' && name !== 'prompt') url.searchParams.set(name, value);
  }
  return url.href;
}
