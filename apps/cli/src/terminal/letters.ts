import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const EVERY_MS = 500;

/** The letters in a folder, oldest first; none when there is no folder yet. */
export function lettersIn(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => /^\d{8}T\d{6}Z_mai_\w+\.txt$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

/**
 * Shows each letter that comes into a folder from now on, until the returned function is called: where
 * there is no mail server, the terminal is the mailbox of everybody.
 */
export function showLetters(dir: string, show: (text: string) => void): () => void {
  const seen = new Set(lettersIn(dir));
  const timer = setInterval(() => {
    for (const name of lettersIn(dir)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const text = letterText(join(dir, name));
      if (text) show(text);
    }
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** To whom, about what, and the text, set off from what the terminal shows besides. */
function letterText(path: string): string | undefined {
  let letter: string;
  try {
    letter = readFileSync(path, 'utf8');
  } catch {
    // Pruned between the listing and here.
    return undefined;
  }
  const [head = '', ...paragraphs] = letter.split('\n\n');
  const shown = head.split('\n').filter((line) => /^(To|Subject): /.test(line));
  const lines = [...shown, '', ...paragraphs.join('\n\n').trimEnd().split('\n')];
  return `\n  ┌ Letter\n${lines.map((line) => `  │ ${plain(line)}`.trimEnd()).join('\n')}\n  └\n`;
}

// Letters hold names that people chose; none of them moves the cursor.
const plain = (line: string) =>
  stripVTControlCharacters(line).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '');
