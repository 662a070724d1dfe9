import { ConducktorError } from '@conducktor/contracts';
import { boundRequests as bound } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';
import { sendProblem } from './problem.js';

/** At once, of which 100 may be streams that last. */
const MOST = 512;

export function boundRequests(fastify: FastifyInstance): void {
  fastify.server.maxConnections = 8 * MOST;
  bound(fastify, {
    most: MOST,
    turnAway: (reply) =>
      void sendProblem(
        reply,
        new ConducktorError(
          'overloaded',
          'Too many requests are under way here. Try again in a moment.',
          { detail: { retryAfterMs: 1_000 } },
        ),
      ),
  });
}
