/** Leaves of one value that are looked at; what is beyond them is taken as different. */
const MOST_LEAVES = 500;

/**
 * How much of two JSON values is the same, from 0 to 1: of all their leaves, by path and value, the share
 * that both have (Jaccard index).
 */
export function likeness(one: unknown, other: unknown): number {
  const [a, b] = [leavesOf(one), leavesOf(other)];
  const both = [...a].filter((leaf) => b.has(leaf)).length;
  const all = a.size + b.size - both;
  return all === 0 ? 1 : Math.round((both / all) * 100) / 100;
}

function leavesOf(value: unknown): Set<string> {
  const leaves = new Set<string>();
  const waiting: [path: string, value: unknown][] = [['', value]];
  for (const [path, each] of waiting) {
    if (leaves.size >= MOST_LEAVES || waiting.length > MOST_LEAVES * 4) break;
    if (typeof each !== 'object' || each === null) leaves.add(`${path}=${JSON.stringify(each)}`);
    else
      for (const [key, inner] of Object.entries(each).slice(0, MOST_LEAVES))
        waiting.push([`${path}/${key.replaceAll('/', '~1')}`, inner]);
  }
  return leaves;
}
