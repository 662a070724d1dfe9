/**
 * Ids of the events by which a client can come back to the stream of a POST (2025-11-25, transports,
 * resumability). An id says which gateway runs which request, under a signature over the person, the
 * session and the path: in other hands, or for another path, it is nothing. It says that much without
 * anything looked up, since the gateway that gave it may be gone when it is used.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface StreamOwner {
  principal: string;
  sessionId: string;
  resourcePath: string;
}

export interface PostStreamClaim {
  /** The id to give again for the same request. */
  id: string;
  /** The gateway that took the request. */
  instance: string;
  /** The stream there; 16 random bytes, so that requests of equal ids are not mixed up. */
  stream: string;
  requestId: string | number;
  /** The id came with the answer: there is nothing more to come. */
  answered: boolean;
}

export interface PostStreamIds {
  /** `undefined` for a request whose own id is too long to be carried in a header. */
  issue(owner: StreamOwner, requestId: string | number): PostStreamClaim | undefined;
  /** `undefined`: an id of another kind. `foreign`: forged, or given to another owner. */
  read(id: string, owner: StreamOwner): PostStreamClaim | 'foreign' | undefined;
}

/** Bytes of JSON. */
const MAX_REQUEST_ID = 256;
const TAG_BYTES = 24;
// Gateway, stream, request id, signature; each base64url.
const ID = /^([\w-]{12})\.([\w-]{22})\.([\w-]{2,342})\.([\w-]{32})(\.end)?$/;
const END = '.end';

/** On the event that is the answer: whoever comes back with it is told that nothing is left. */
export function answeredId(id: string): string {
  return id + END;
}

/** `key`: that of the sessions; `instance`: of the bus of this gateway. */
export function createPostStreamIds(key: Buffer, instance: string): PostStreamIds {
  const own = createHmac('sha256', key).update('post-stream-ids').digest();
  const tag = (parts: string, { principal, sessionId, resourcePath }: StreamOwner) =>
    createHmac('sha256', own)
      .update(JSON.stringify([parts, principal, sessionId, resourcePath]))
      .digest()
      .subarray(0, TAG_BYTES);

  return {
    issue(owner, requestId) {
      const json = Buffer.from(JSON.stringify(requestId), 'utf8');
      if (json.length > MAX_REQUEST_ID) return undefined;
      const stream = randomBytes(16).toString('base64url');
      const parts = `${instance}.${stream}.${json.toString('base64url')}`;
      const id = `${parts}.${tag(parts, owner).toString('base64url')}`;
      return { id, instance, stream, requestId, answered: false };
    },
    read(id, owner) {
      const found = ID.exec(id);
      if (!found) return undefined;
      const [, gateway, stream, json, given, end] = found as unknown as [string, ...string[]];
      const parts = `${gateway}.${stream}.${json}`;
      if (!timingSafeEqual(Buffer.from(given!, 'base64url'), tag(parts, owner))) return 'foreign';
      return {
        id: `${parts}.${given}`,
        instance: gateway!,
        stream: stream!,
        requestId: JSON.parse(Buffer.from(json!, 'base64url').toString('utf8')) as string | number,
        answered: end !== undefined,
      };
    },
  };
}
