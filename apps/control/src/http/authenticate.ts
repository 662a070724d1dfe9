import { ConducktorError } from '@conducktor/contracts';
import type { FastifyRequest } from 'fastify';
import type { Control } from '../control.js';
import { loadCaller, type Caller } from './caller.js';
import { requireOwnPage, requireSession } from './browser-session.js';

const WORKSPACE = /^ten_[0-9A-Za-z]{22}$/;

/**
 * The caller of `Authorization: Bearer ck_…` or, without that header, of the browser session. Whoever
 * sends both is judged by the key. Throws `unauthenticated`, `frozen`, `rate_limited` and, for a
 * browser's request that another site could have made, `forbidden`. `again`: the request was let in
 * before and is not counted twice.
 */
export async function authenticate(
  control: Control,
  request: FastifyRequest,
  { again = false }: { again?: boolean } = {},
): Promise<Caller> {
  if (request.headers.authorization !== undefined) return callerOfKey(control, request, again);
  const session = await requireSession(control, request);
  requireOwnPage(control, request, session);
  const tenantId = request.headers['x-conducktor-workspace'];
  if (typeof tenantId !== 'string')
    throw new ConducktorError(
      'invalid_request',
      'Say which workspace in the header X-Conducktor-Workspace. GET /api/v1/session lists yours.',
    );
  const caller = WORKSPACE.test(tenantId)
    ? await loadCaller(control, {
        tenantId,
        via: 'session',
        clientId: 'browser',
        scopes: [],
        member: { userId: session.userId },
      })
    : undefined;
  if (!caller)
    throw new ConducktorError('not_found', 'You are not a member of a workspace with this id.');
  return caller;
}

async function callerOfKey(
  control: Control,
  request: FastifyRequest,
  again: boolean,
): Promise<Caller> {
  const { failures, keyUse, verifier } = control;
  const [, key] = /^Bearer +(\S{1,200})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!key)
    throw new ConducktorError(
      'unauthenticated',
      'Send an API key with the scope "admin" as "Authorization: Bearer ck_…".',
    );
  return failures.guard(request.ip, key, async () => {
    const claims = await verifier.verifyApiKey(key);
    const caller = await loadCaller(control, {
      tenantId: claims.tenantId,
      via: 'key',
      clientId: claims.keyId,
      scopes: claims.scopes,
      member: { id: claims.memberId },
    });
    if (!caller)
      throw new ConducktorError(
        'unauthenticated',
        'The person of this API key has no access any more.',
      );
    if (!again)
      await keyUse.note({
        tenantId: caller.tenantId,
        keyId: claims.keyId,
        memberId: caller.memberId,
        ip: request.ip,
      });
    return caller;
  });
}
