/** A tool as it is searched. */
export interface Searchable {
  name: string;
  title: string;
  description: string;
}

type Words = Record<keyof Searchable, ReadonlySet<string>>;

// A word of the name says more than one of a sentence; the beginning of a word says half.
const WEIGHTS: Record<keyof Searchable, number> = { name: 8, title: 6, description: 2 };
const FIELDS = ['name', 'title', 'description'] as const;
const MAX_DESCRIPTION = 4_000;
const MAX_TERMS = 32;

const indexed = new WeakMap<Searchable, Words>();

/**
 * The tools that have any word of the query, best first; all of them, in their order, for a query
 * without words. A word counts the more the fewer tools have it. Equal ones come in the order of their
 * names, so the same query and tools always give the same answer. Linear in the tools.
 */
export function rank<Tool extends Searchable>(tools: readonly Tool[], query: string): Tool[] {
  const terms = [...wordsOf(query)].slice(0, MAX_TERMS);
  if (terms.length === 0) return [...tools];
  const fits = tools.map((tool) => terms.map((term) => fit(indexOf(tool), term)));
  const rarity = terms.map((_, at) => {
    const having = fits.filter((fit) => fit[at]! > 0).length;
    return Math.log(1 + tools.length / Math.max(1, having));
  });
  const wanted = query.trim().toLowerCase();
  return tools
    .map((tool, index) => ({
      tool,
      score:
        tool.name.toLowerCase() === wanted
          ? Infinity
          : fits[index]!.reduce((sum, fit, at) => sum + fit * rarity[at]!, 0),
    }))
    .filter(({ score }) => score > 0)
    .sort((one, other) =>
      one.score === other.score
        ? one.tool.name < other.tool.name
          ? -1
          : 1
        : other.score - one.score,
    )
    .map(({ tool }) => tool);
}

function fit(words: Words, term: string): number {
  let best = 0;
  for (const field of FIELDS) {
    const weight = WEIGHTS[field];
    if (weight <= best) break;
    if (words[field].has(term)) best = weight;
    else if (term.length > 2 && weight / 2 > best && startsAny(words[field], term))
      best = weight / 2;
  }
  return best;
}

function startsAny(words: ReadonlySet<string>, term: string): boolean {
  for (const word of words) if (word.startsWith(term)) return true;
  return false;
}

function indexOf(tool: Searchable): Words {
  let words = indexed.get(tool);
  if (!words) {
    words = {
      name: wordsOf(tool.name),
      title: wordsOf(tool.title),
      description: wordsOf(tool.description.slice(0, MAX_DESCRIPTION)),
    };
    indexed.set(tool, words);
  }
  return words;
}

/** `createIssues` → create, issue. A plural is searched as its singular. */
function wordsOf(text: string): Set<string> {
  const words = text
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
  return new Set(
    words.map((word) => (/[^s]s$/.test(word) && word.length > 3 ? word.slice(0, -1) : word)),
  );
}
