import {
  InitialAccessTokenCreated,
  InitialAccessTokenView,
  PageQuery,
  pageOf,
} from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { createInitialAccessToken } from './create-initial-access-token.js';
import { deleteInitialAccessToken } from './delete-initial-access-token.js';
import { listInitialAccessTokens } from './list-initial-access-tokens.js';

const guards = [signedIn, scope('admin'), role('owner')] as const;

/** For installations where clients register with a token only (DCR_MODE=token). */
export const initialAccessTokenRoutes = [
  route('POST', '/initial-access-tokens', {
    summary:
      'Make a token that registers one OAuth client within 15 minutes. Shown in this answer only',
    guards: [...guards],
    answer: [201, InitialAccessTokenCreated],
    handle: ({ control, caller }) => createInitialAccessToken(control, caller),
  }),
  route('GET', '/initial-access-tokens', {
    summary: 'List the tokens that can still be used, without the tokens themselves',
    guards: [...guards],
    query: PageQuery,
    answer: [200, pageOf(InitialAccessTokenView)],
    handle: ({ control, caller, query }) => listInitialAccessTokens(control, caller, query),
  }),
  route('DELETE', '/initial-access-tokens/:id', {
    summary: 'Withdraw a token that was not used yet',
    guards: [...guards],
    answer: [204],
    handle: ({ control, caller, params }) =>
      deleteInitialAccessToken(control, caller, params['id']!),
  }),
];
