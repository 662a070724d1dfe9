import formbody from '@fastify/formbody';
import { ConducktorError } from '@conducktor/contracts';
import type { Logger } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';
import { errors } from 'oidc-provider';
import { mountSecurity } from '../account/security/security.js';
import { answerHeaders, pageHeaders } from '../pages/headers.js';
import { messagePage, type Message } from '../pages/message-pages.js';
import { mountApps } from '../account/apps.js';
import { mountProfile } from '../account/profile.js';
import { mountWorkspaces } from '../account/workspaces.js';
import type { WayOut } from '../mail/way-out.js';
import { explain } from '../oidc/provider-pages.js';
import { mountApiKey } from './api-key.js';
import { mountConsent, type ConsentDeps } from './consent.js';
import { mountInvite } from './invite.js';
import { mountLogin } from './login.js';
import { mountPasskeySignIn } from './passkey-sign-in.js';
import { PageError } from './page-error.js';
import { mountSecondFactor } from './second-factor.js';
import { mountReset } from './reset.js';
import { mountSignUp, type SignUpDeps } from './signup.js';
import { mountVerify } from './verify.js';

export type PagesDeps = SignUpDeps & ConsentDeps & { logger: Logger; mail: WayOut['kind'] };

/** All pages for people: forms in, pages out, errors as pages. */
export function mountPages(fastify: FastifyInstance, deps: PagesDeps): void {
  void fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    await scope.register(formbody, { bodyLimit: 16 * 1024 });
    // Redirects between pages too.
    scope.addHook('onRequest', async (_request, reply) => {
      void reply.headers(answerHeaders(deps.publicUrl));
    });
    scope.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
      const { status, page, headers } = describe(error);
      if (status >= 500) deps.logger.error({ err: error }, 'A page failed');
      return reply
        .code(status)
        .headers({ ...pageHeaders(deps.publicUrl), ...headers })
        .send(messagePage(page));
    });
    mountLogin(scope, deps);
    mountSecondFactor(scope, deps);
    mountPasskeySignIn(scope, deps);
    mountSecurity(scope, deps);
    mountSignUp(scope, deps);
    mountConsent(scope, deps);
    mountInvite(scope, deps);
    mountApiKey(scope, deps);
    mountVerify(scope, deps);
    mountReset(scope, deps);
    mountProfile(scope, deps);
    mountApps(scope, deps);
    mountWorkspaces(scope, deps);
  });
}

function describe(error: Error & { statusCode?: number }): {
  status: number;
  page: Message;
  headers?: Record<string, string>;
} {
  if (error instanceof PageError) return error;
  // The app that somebody signs in for cannot be looked up any more.
  if (error instanceof errors.OIDCProviderError) {
    return { status: error.statusCode, page: explain(error) };
  }
  if (error instanceof ConducktorError) {
    return {
      status: error.status,
      page: {
        title: 'Not now',
        what: error.message,
        doNext: 'Go back and try again.',
        code: error.code,
      },
    };
  }
  if (error.statusCode && error.statusCode < 500) {
    return {
      status: error.statusCode,
      page: {
        title: 'This form cannot be read',
        what: 'What was sent is not a form of this page. Nothing was changed.',
        doNext: 'Go back, load the page again, and send the form from there.',
        code: 'invalid_request',
      },
    };
  }
  return {
    status: 500,
    page: {
      title: 'Something went wrong here',
      what: 'This server could not finish the request. It has been logged.',
      doNext: 'Try again in a minute. If it stays like this, tell the operator.',
      code: 'internal_error',
    },
  };
}
