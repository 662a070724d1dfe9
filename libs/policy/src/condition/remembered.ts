// Compiled comparisons take some 70 bytes for each character of their text: about 35 MB of them.
const MAX_CHARACTERS = 500_000;
const lengthOf = (text: string) => text.length;

/**
 * `make`, with what it made of the texts used last kept: workspaces share the rules of ready-made policies,
 * and a document is compiled once to check it and once to decide by it. For pure functions only.
 */
export function remembered<Made>(
  make: (text: string) => Made,
  maxCharacters = MAX_CHARACTERS,
  /** As how many characters it counts. */
  weightOf: (text: string, made: Made) => number = lengthOf,
): (text: string) => Made {
  const kept = new Map<string, Made>();
  let characters = 0;
  return (text) => {
    let made = kept.get(text);
    if (made === undefined) {
      made = make(text);
      characters += weightOf(text, made);
    } else {
      // A Map lists in the order of insertion: the one used last stands last.
      kept.delete(text);
    }
    kept.set(text, made);
    for (const [oldest, each] of kept) {
      if (characters <= maxCharacters || oldest === text) break;
      kept.delete(oldest);
      characters -= weightOf(oldest, each);
    }
    return made;
  };
}
