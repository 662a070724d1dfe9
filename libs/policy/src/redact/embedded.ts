/** A JSON document that stands in a text, alone or as one of its lines. */
export interface EmbeddedDocument {
  readonly text: string;
  readonly value: unknown;
  /** Whether the text says more than the value: an object in it has a name twice, and a reader may take either. */
  readonly saysMore: boolean;
}

/** How a text begins that means to be JSON, rather than a link in Markdown. */
const MEANT_AS_JSON = /^[\s\ufeff]*(?:\{\s*["}]|\[\s*(?:[[{"\]\d]|-\d|true|false|null))/;
/** Such a text as a string of JSON; with a backslash more for every time that was done. */
const QUOTED = /^[\s\ufeff]*"\s*[{[\\]/;

/**
 * The documents of a text that is JSON, also once more as a string, or JSON on every line (NDJSON). Undefined for any other text;
 * `broken` for one that begins like JSON and is not.
 */
export function documentsIn(text: string): EmbeddedDocument[] | 'broken' | undefined {
  const isQuoted = QUOTED.test(text);
  if (!isQuoted && !MEANT_AS_JSON.test(text)) return undefined;
  try {
    return [documentOf(text)];
  } catch {
    if (!isQuoted) return linesOf(text);
    return /\{\s*\\+"/.test(text) ? 'broken' : undefined;
  }
}

function documentOf(text: string): EmbeddedDocument {
  const value = parse(text);
  return { text, value, saysMore: namesIn(text) > membersOf(value) };
}

const STRINGS_AND_NAMES = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g;

/** Of all objects in a text that is JSON. */
function namesIn(json: string): number {
  let names = 0;
  for (const [, colon] of json.matchAll(STRINGS_AND_NAMES)) if (colon) names++;
  return names;
}

/** The same of a value. Not recursive: it may be nested deeper than the stack allows. */
function membersOf(value: unknown): number {
  let members = 0;
  const open = [value];
  while (open.length > 0) {
    const part = open.pop();
    if (typeof part !== 'object' || part === null || isRawJSON(part)) continue;
    const inside: unknown[] = Object.values(part);
    if (!Array.isArray(part)) members += inside.length;
    for (const each of inside) open.push(each);
  }
  return members;
}

function linesOf(text: string): EmbeddedDocument[] | 'broken' | undefined {
  const lines = text.split('\n');
  try {
    return lines.map((line) =>
      line.trim() === '' ? { text: line, value: undefined, saysMore: false } : documentOf(line),
    );
  } catch {
    // A list can also be a note in brackets; what is in braces and quotes was meant as an object.
    return /\{\s*"/.test(text) ? 'broken' : undefined;
  }
}

const MAYBE_INEXACT = /[\d.]{16}|\d[eE]/;
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: object): boolean;
};
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
