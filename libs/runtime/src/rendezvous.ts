import { createHash } from 'node:crypto';

/**
 * Highest random weight hashing (Thaler and Ravishankar, 1998): every process sends a connection to
 * the same worker without asking anyone, and a worker that goes away moves only its own connections.
 */
export function rank(key: string, nodes: readonly string[]): string[] {
  return nodes
    .map((node) => ({ node, weight: createHash('sha256').update(`${node} ${key}`).digest('hex') }))
    .sort((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ node }) => node);
}
