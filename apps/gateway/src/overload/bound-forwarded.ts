import { boundRequests, turnAwayForNow } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';

/** What is forwarded to auth and control at once, streams included. */
const MOST = 1_000;

/** Pages and the REST API share this process with the calls, so they are bounded apart from them. */
export function boundForwarded(app: FastifyInstance): void {
  boundRequests(app, { most: MOST, turnAway: turnAwayForNow });
}
