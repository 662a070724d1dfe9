// Compiled comparisons take some 70 bytes for each character of their text: about 35 MB of them.
const MAX_CHARACTERS = 500_000;

/**
 * `make`, with what it made of the texts used last kept: workspaces share the rules of ready-made policies,
 * and a document is compiled once to check it and once to decide by it. For pure functions only.
 */
export function remembered<Made>(
  make: (text: string) => Made,
  maxCharacters = MAX_CHARACTERS,
): (text: string) => Made {
  const kept = new Map<string, Made>();
  let characters = 0;
  return (text) => {
    let made = kept.get(text);
    if (made === undefined) {
      made = make(text);
      characters += text.length;
    } else {
      // A Map lists in the order of insertion: the one used last stands last.
      kept.delete(text);
    }
    kept.set(text, made);
    for (const [oldest] of kept) {
      if (characters <= maxCharacters || oldest === text) break;
      kept.delete(oldest);
      characters -= oldest.length;
    }
    return made;
  };
}
