import { ApiKeyCreated, ApiKeyView, NewApiKey, PageQuery, pageOf } from '@conducktor/contracts';
import { scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { createApiKey } from './create-api-key.js';
import { listApiKeys } from './list-api-keys.js';
import { revokeApiKey } from './revoke-api-key.js';

/** Everybody manages their own keys; owners and admins those of others as well. */
export const apiKeyRoutes = [
  route('POST', '/api-keys', {
    summary: 'Make an API key. The key is shown in this answer only',
    guards: [signedIn, scope('admin')],
    body: NewApiKey,
    answer: [201, ApiKeyCreated],
    handle: ({ control, caller, body }) => createApiKey(control, caller, body),
  }),
  route('GET', '/api-keys', {
    summary: 'List API keys, without the keys themselves',
    guards: [signedIn, scope('admin')],
    query: PageQuery,
    answer: [200, pageOf(ApiKeyView)],
    handle: ({ control, caller, query }) => listApiKeys(control, caller, query),
  }),
  route('DELETE', '/api-keys/:id', {
    summary: 'Revoke an API key; it stops within a second',
    guards: [signedIn, scope('admin')],
    answer: [204],
    handle: ({ control, caller, params }) => revokeApiKey(control, caller, params['id']!),
  }),
];
