import 'reflect-metadata';
import type { AuthConfig } from '@conducktor/config';
import { instanceId, type Db } from '@conducktor/db';
import { createVerifier, isMcpResource } from '@conducktor/identity';
import { deriveKey, type Logger } from '@conducktor/runtime';
import type { Outbound } from '@conducktor/outbound';
import { createVault } from '@conducktor/vault';
import { NestFactory } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createAttempts } from './accounts/attempts.js';
import { createKnownBrowsers } from './accounts/known-browsers.js';
import { createPasswords } from './accounts/passwords.js';
import { createChallenges } from './accounts/second-factor/challenges.js';
import { AppModule } from './app.module.js';
import { createBrowserSessions } from './interactions/browser-session.js';
import { createFormGuard } from './interactions/csrf.js';
import { mountPages } from './interactions/pages.js';
import { mailKind } from './mail/open-way-out.js';
import { boundRequests } from './bound-requests.js';
import { moveToPublicName } from './one-name.js';
import { mountProvider } from './oidc/bridge.js';
import { cookieNames } from './oidc/cookies.js';
import { createProviderPages } from './oidc/provider-pages.js';
import { createLiveProvider } from './oidc/live-provider.js';
import { openClientSources } from './oidc/client-sources.js';
import { createProvider } from './oidc/provider.js';
import { keyTimes, openSigningKeys, type KeyTimes } from './oidc/signing-keys.js';
import { createStructuredTokens } from './oidc/structured-tokens.js';

/** The auth service, wired and not yet listening. */
export async function createApp(deps: {
  config: AuthConfig;
  db: Db;
  logger: Logger;
  /** Adds hooks that see every request. */
  observe?: (fastify: FastifyInstance) => void;
  /** Whether the process was asked to end; it is not by default. */
  stopping?: () => boolean;
  /** By SIGNING_KEY_DAYS when left out. */
  keyTimes?: KeyTimes;
  /** The way to metadata documents and keys of clients, in place of the configured one. */
  outbound?: Outbound;
}): Promise<NestFastifyApplication> {
  const { config, db, logger } = deps;
  const publicUrl = config.PUBLIC_URL;
  const vault = createVault({ kek: deriveKey(config.SECRET_KEY, 'kek'), db });
  const cookieKey = deriveKey(config.SECRET_KEY, 'cookies').toString('base64url');
  const cookies = cookieNames(publicUrl, await instanceId(db));
  // One for each set of keys: it then remembers none that was taken out of use.
  let verifier = createVerifier({ db, publicUrl });
  const structuredTokens = createStructuredTokens({
    verify: (token, audience) => verifier.verifyAccessToken(token, audience),
    isResource: (value) => isMcpResource(publicUrl, value),
  });
  const pages = createProviderPages(publicUrl);
  const clients = openClientSources({ config, db, logger, outbound: deps.outbound });
  const signingKeys = await openSigningKeys({
    db,
    vault,
    logger,
    times: deps.keyTimes ?? keyTimes(config.SIGNING_KEY_DAYS),
    onChange: (keys) => {
      verifier = createVerifier({ db, publicUrl });
      live.useKeys(keys);
    },
  });
  const live = createLiveProvider(
    (keys) =>
      createProvider({
        config,
        db,
        vault,
        structuredTokens,
        documents: clients.documents,
        keySets: clients.keySets,
        signingKeys: keys,
        cookieKey,
        cookies,
        pages,
        logger,
      }),
    signingKeys.current(),
  );
  const provider = live.models;

  const adapter = new FastifyAdapter({
    // Forwarding headers are believed from the same machine and the cluster network only.
    trustProxy: 'loopback, linklocal, uniquelocal',
    bodyLimit: 64 * 1024,
    skipMiddie: true,
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    // What comes over a connection that stands is answered, and closes it.
    return503OnClosing: false,
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with({ db, mail: mailKind(config), stopping: deps.stopping ?? (() => false) }),
    adapter,
    {
      bodyParser: false,
      logger: ['error', 'warn'],
    },
  );
  const fastify = app.getHttpAdapter().getInstance();
  boundRequests(fastify);
  // Hooks hold for what is registered after them.
  deps.observe?.(fastify);
  fastify.addHook('onClose', () => signingKeys.stop());
  fastify.addHook('onClose', () => clients.close());
  moveToPublicName(fastify, publicUrl);
  mountProvider(fastify, { db, provider: live, cookies, structuredTokens, publicUrl, logger });
  mountPages(fastify, {
    mail: mailKind(config),
    db,
    provider,
    cookies,
    publicUrl,
    vault,
    logger,
    passwords: createPasswords(),
    forms: createFormGuard({ key: cookieKey, cookies, publicUrl }),
    attempts: createAttempts({ db }),
    challenges: createChallenges({ key: cookieKey, db }),
    knownBrowsers: createKnownBrowsers({ key: cookieKey, cookies, publicUrl }),
    sessions: createBrowserSessions({ db, provider, sessionCookie: cookies.session, publicUrl }),
  });
  return app;
}
