/** A step of a path: a name (or an index), any one name, or any number of them. */
export type Step = { readonly name: string } | '*' | '**';
export type FieldPath = readonly Step[];

// Each keeps a place in the path open for everything below: more of them say nothing new, but cost.
const MAX_DEEP = 3;

/**
 * Reads `customer.cards.*.number`. A backslash takes the dot, star or backslash after it as it is
 * (`odata\.type`). `error` says in a sentence what is wrong.
 */
export function readFieldPath(text: string): { path: FieldPath } | { error: string } {
  const path: Step[] = [];
  let name = '';
  let literal = false;
  const endStep = () => {
    path.push(!literal && (name === '*' || name === '**') ? name : { name });
    const fits = name !== '' && (literal || typeof path.at(-1) === 'string' || !name.includes('*'));
    name = '';
    literal = false;
    return fits;
  };
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === '\\') {
      const next = text[++at];
      if (next === undefined || !'.*\\'.includes(next))
        return {
          error: `"${text}" has a backslash that is not before a dot, a star or a backslash`,
        };
      name += next;
      literal = true;
    } else if (letter === '.') {
      if (!endStep()) return { error: wrong(text) };
    } else {
      name += letter;
    }
  }
  if (!endStep()) return { error: wrong(text) };
  if (path.filter((step) => step === '**').length > MAX_DEEP)
    return { error: `"${text}" has more than ${MAX_DEEP} "**"` };
  return { path };
}

const wrong = (text: string) =>
  `"${text}" is not a path: names, "*" or "**", with a dot between each`;
