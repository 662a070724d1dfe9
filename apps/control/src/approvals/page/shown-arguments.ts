/** What a page holds of a call's arguments, in characters. */
const MOST = 200_000;

/**
 * Arguments as a reviewer reads them: indented JSON in which every character that would not be seen, or
 * would turn around what is, stands as its escape. `left`: characters that are not in it.
 */
export function shownArguments(value: unknown): { text: string; left: number } {
  const text = allVisible(JSON.stringify(value, null, 2));
  return { text: text.slice(0, MOST), left: Math.max(0, text.length - MOST) };
}

/** One text in the same way: a name, say, that its owner chose. */
export const allVisible = (text: string): string => text.replace(HIDDEN, escaped);

// Line breaks are JSON's own here: those inside strings are escaped by it.
const HIDDEN =
  /[^\P{C}\n]|[\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]/gu;

const escaped = (char: string) => `\\u{${char.codePointAt(0)!.toString(16)}}`;
