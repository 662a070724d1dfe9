import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../tool-call/types.js';
import type { ListMethod } from './lists.js';

/** Where a client's list goes on at one upstream. */
export interface Position {
  connectionId: string;
  /** Of the connection: another one may be another server, which is not told the cursors of this one. */
  revision: number;
  /** The upstream's own; absent: from its beginning. */
  cursor?: string | undefined;
  /** Pages and items that were shown already. */
  pages: number;
  items: number;
}

/**
 * Positions at many upstreams as one cursor. Signed (HMAC-SHA256) together with whose list it is, so
 * that nobody hands an upstream a cursor that it did not give to this very person.
 */
export function sealCursor(
  key: Buffer,
  caller: Caller,
  method: ListMethod,
  positions: readonly Position[],
): string {
  const payload = Buffer.from(
    JSON.stringify(
      positions.map(({ connectionId, revision, cursor, pages, items }) => [
        connectionId,
        revision,
        cursor ?? null,
        pages,
        items,
      ]),
    ),
  ).toString('base64url');
  return `${payload}.${tagOf(key, caller, method, payload).toString('base64url')}`;
}

/** `undefined`: not a cursor of this list and person. */
export function openCursor(
  key: Buffer,
  caller: Caller,
  method: ListMethod,
  cursor: string,
): Position[] | undefined {
  const [payload, tag, more] = cursor.split('.');
  if (payload === undefined || tag === undefined || more !== undefined) return undefined;
  const expected = tagOf(key, caller, method, payload);
  const given = Buffer.from(tag, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const rows = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [
    string,
    number,
    string | null,
    number,
    number,
  ][];
  return rows.map(([connectionId, revision, upstream, pages, items]) => ({
    connectionId,
    revision,
    cursor: upstream ?? undefined,
    pages,
    items,
  }));
}

function tagOf(key: Buffer, caller: Caller, method: ListMethod, payload: string): Buffer {
  const { workspace, member, context } = caller;
  const owner = [workspace.tenantId, member.id, context.resourcePath, method];
  return createHmac('sha256', key)
    .update(JSON.stringify([...owner, payload]))
    .digest();
}
