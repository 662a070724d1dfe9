import { randomInt } from 'node:crypto';

// Servers that keep ids in 32 bits exist; a thousand million more fit above.
const FIRST_BELOW = 2 ** 30;

/**
 * Ids for requests to one upstream, counted from a place that is drawn. Two connections that reach the same
 * server would otherwise count alike, and an answer that it, or a proxy before it, gives to the wrong one
 * of them would fit there.
 */
export function requestIds(): () => number {
  let last = randomInt(FIRST_BELOW);
  return () => ++last;
}
