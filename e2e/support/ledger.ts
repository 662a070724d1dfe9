import { seededRandom } from '../chaos/random.ts';

/** Numbers between 0 and 1 that follow from a seed, so that a failed run can be repeated. */
export function seeded(seed: number): () => number {
  return seededRandom(seed).next;
}
