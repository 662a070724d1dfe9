import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider';
import { Html } from '../pages/html.js';
import { UNUSABLE_DOCUMENT } from './client-storage.js';
import { pageHeaders } from '../pages/headers.js';
import { messagePage, signOutPage, type Message } from '../pages/message-pages.js';

/** The pages that oidc-provider shows by itself, in our words. */
export interface ProviderPages {
  publicUrl: string;
  logout(ctx: KoaContextWithOIDC, form: string): Promise<void>;
  loggedOut(ctx: KoaContextWithOIDC): Promise<void>;
}

export function createProviderPages(publicUrl: string): ProviderPages {
  return {
    publicUrl,
    logout: async (ctx, form) => send(ctx, publicUrl, signOutPage(new Html(form))),
    loggedOut: async (ctx) =>
      send(
        ctx,
        publicUrl,
        messagePage({
          title: 'You are signed out',
          what: 'This browser is signed out of Conducktor. Clients that you connected stay connected.',
          doNext: 'You can close this page.',
        }),
      ),
  };
}

/** oidc-provider's `renderError`: for errors that may not travel to a redirect address. */
export function renderProblem(pages: ProviderPages) {
  return async (ctx: KoaContextWithOIDC, out: ErrorOut): Promise<void> => {
    send(ctx, pages.publicUrl, messagePage(explain(out)));
  };
}

function send(ctx: KoaContextWithOIDC, publicUrl: string, body: string): void {
  ctx.set(pageHeaders(publicUrl));
  ctx.body = body;
}

/** What a person is told of an error of OAuth. */
export function explain({
  error,
  error_description: description,
}: Pick<ErrorOut, 'error' | 'error_description'>): Message {
  const again = 'Start again from the app that you wanted to connect.';
  if (description?.startsWith(UNUSABLE_DOCUMENT)) {
    return {
      title: 'This app could not be checked',
      what: `Nothing was allowed: ${description}.`,
      doNext:
        'Try again in a minute. If it stays like this, tell whoever makes the app, or the operator of this server.',
      code: error,
    };
  }
  switch (error) {
    case 'invalid_client':
      return {
        title: 'This app is not known here',
        what: 'The app that sent you is not registered with this server, or its registration has expired.',
        doNext: 'Remove the connection in the app and add it again; it then registers anew.',
        code: error,
      };
    case 'invalid_redirect_uri':
      return {
        title: 'This app cannot be answered',
        what: 'The app asked for the answer at an address that it has not registered, so nothing was sent.',
        doNext:
          'Do not try again from the same link. If you trust the app, remove the connection there and add it again.',
        code: error,
      };
    case 'server_error':
    case 'temporarily_unavailable':
      return {
        title: 'Something went wrong here',
        what: 'This server could not finish the request. It has been logged.',
        doNext: 'Try again in a minute. If it stays like this, tell the operator.',
        code: error,
      };
    case 'invalid_request':
      if (/session|expired|not found|mismatch/.test(description ?? '')) {
        return {
          title: 'This sign-in has ended',
          what: 'It was finished already, took longer than an hour, or was begun in another browser.',
          doNext: again,
          code: error,
        };
      }
      return {
        title: 'The app sent a request that does not work',
        what: `The request was refused: ${description ?? error}.`,
        doNext: again,
        code: error,
      };
    default:
      return {
        title: 'This did not work',
        what: `The request was refused: ${description ?? error}.`,
        doNext: again,
        code: error,
      };
  }
}
