/** A JSON document that stands in a text, alone or as one of its lines. */
export interface EmbeddedDocument {
  readonly text: string;
  readonly value: unknown;
}

/** How a text begins that means to be JSON, rather than a link in Markdown. */
const MEANT_AS_JSON = /^[\s\ufeff]*(?:\{\s*["}]|\[\s*(?:[[{"\]\d]|-\d|true|false|null))/;

/**
 * The documents of a text that is JSON, or JSON on every line (NDJSON). Undefined for any other text;
 * `broken` for one that begins like JSON and is not.
 */
export function documentsIn(text: string): EmbeddedDocument[] | 'broken' | undefined {
  if (!MEANT_AS_JSON.test(text)) return undefined;
  try {
    return [{ text, value: parse(text) }];
  } catch {
    return linesOf(text);
  }
}

function linesOf(text: string): EmbeddedDocument[] | 'broken' | undefined {
  const lines = text.split('\n');
  try {
    return lines.map((line) => ({
      text: line,
      value: line.trim() === '' ? undefined : parse(line),
    }));
  } catch {
    // A list can also be a note in brackets; what is in braces and quotes was meant as an object.
    return /\{\s*"/.test(text) ? 'broken' : undefined;
  }
}

const MAYBE_INEXACT = /[\d.]{16}|\d[eE]/;
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };
type Reviver = (name: string, value: unknown, context: { source?: string }) => unknown;

/** As JSON.parse; numbers that a double would change are kept as they were written. */
function parse(text: string): unknown {
  const plain = text.replace(/^\ufeff/, '');
  if (!MAYBE_INEXACT.test(plain)) return JSON.parse(plain);
  const keepInexact: Reviver = (_name, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? rawJSON(source)
      : value;
  return JSON.parse(plain, keepInexact as (name: string, value: unknown) => unknown);
}

/** The changed document, laid out as the text was. */
export function writeDocument(value: unknown, text: string): string {
  return JSON.stringify(value, null, /\n([ \t]{1,8})\S/.exec(text)?.[1]);
}
