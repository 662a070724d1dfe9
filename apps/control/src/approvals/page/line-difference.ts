/** Lines that stand together, in one text or in both. */
export interface Run {
  kind: 'same' | 'gone' | 'new';
  lines: string[];
}

/** Pairs of lines that are compared; texts that differ in more are shown as they are. */
const MOST_PAIRS = 4_000_000;

/**
 * What of `before` is gone and what of `after` is new, by lines: a longest common subsequence of what
 * stands between their common beginning and end. Undefined: they differ too much to be compared at once.
 */
export function lineDifference(before: string, after: string): Run[] | undefined {
  const [one, other] = [before.split('\n'), after.split('\n')];
  const shorter = Math.min(one.length, other.length);
  let start = 0;
  while (start < shorter && one[start] === other[start]) start++;
  let end = 0;
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  const [gone, added] = [
    one.slice(start, one.length - end),
    other.slice(start, other.length - end),
  ];
  if (gone.length * added.length > MOST_PAIRS) return undefined;
  const runs: Run[] = [];
  const put = (kind: Run['kind'], line: string) => {
    const last = runs.at(-1);
    if (last?.kind === kind) last.lines.push(line);
    else runs.push({ kind, lines: [line] });
  };
  for (const line of one.slice(0, start)) put('same', line);
  compare(gone, added, put);
  for (const line of one.slice(one.length - end)) put('same', line);
  return runs;
}

function compare(
  gone: readonly string[],
  added: readonly string[],
  put: (kind: Run['kind'], line: string) => void,
): void {
  const width = added.length + 1;
  // How many lines the rests have in common, from the end to the beginning.
  const common = new Uint16Array((gone.length + 1) * width);
  for (let i = gone.length - 1; i >= 0; i--)
    for (let j = added.length - 1; j >= 0; j--)
      common[i * width + j] =
        gone[i] === added[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  let [i, j] = [0, 0];
  while (i < gone.length || j < added.length) {
    if (i < gone.length && j < added.length && gone[i] === added[j]) {
      put('same', gone[i++]!);
      j++;
    } else if (
      j === added.length ||
      (i < gone.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    )
      put('gone', gone[i++]!);
    else put('new', added[j++]!);
  }
}
