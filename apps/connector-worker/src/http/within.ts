import { UpstreamFailure } from '../connector.js';
import { notReachable } from './failures.js';
import type { HttpExchange, HttpReply } from './http-exchange.js';

/** Waits at most `ms` for a reply to a request that acts on nothing; rejects with UpstreamFailure. */
export function within(ms: number, exchange: HttpExchange): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        reject(
          new UpstreamFailure(
            'unavailable',
            `The server did not answer within ${Math.max(1, Math.round(ms / 1000))} s.`,
          ),
        );
        exchange.abort();
      },
      Math.max(0, ms),
    );
    exchange.reply
      .then(resolve, (error: Error) => reject(notReachable(error)))
      .finally(() => clearTimeout(timer));
  });
}
