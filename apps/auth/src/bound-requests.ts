import { boundRequests as bound, turnAwayForNow } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';

/** At once; a password takes a core for a tenth of a second, so those behind wait long enough. */
const MOST = 256;

export function boundRequests(fastify: FastifyInstance): void {
  fastify.server.maxConnections = 8 * MOST;
  bound(fastify, { most: MOST, turnAway: turnAwayForNow });
}
