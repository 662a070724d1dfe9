const QUOTE = 34;
const BACKSLASH = 92;

/**
 * The text of a member of the outermost object of `json`, which must be valid JSON, or undefined
 * when it cannot be told by simple means (a name written with escapes). Of repeated names the last
 * one counts, as for JSON.parse.
 */
export function rawMember(json: string, name: string): string | undefined {
  let found: string | undefined;
  let at = skipSpace(json, json.indexOf('{') + 1);
  while (json.charCodeAt(at) === QUOTE) {
    const keyEnd = json.indexOf('"', at + 1);
    const key = json.slice(at + 1, keyEnd);
    if (key.includes('\\')) return undefined;
    const start = skipSpace(json, json.indexOf(':', keyEnd + 1) + 1);
    const end = valueEnd(json, start);
    if (key === name) found = json.slice(start, end);
    at = skipSpace(json, end);
    if (json[at] !== ',') break;
    at = skipSpace(json, at + 1);
  }
  return found;
}

function skipSpace(json: string, at: number): number {
  while (json.charCodeAt(at) <= 32) at++;
  return at;
}

/** Where the value that begins at `at` ends. */
function valueEnd(json: string, at: number): number {
  let depth = 0;
  for (; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(json, at);
        break;
      case 123: // {
      case 91: // [
        depth++;
        break;
      case 125: // }
      case 93: // ]
        if (depth === 0) return trimEnd(json, at);
        if (--depth === 0) return at + 1;
        break;
      case 44: // ,
        if (depth === 0) return trimEnd(json, at);
    }
    if (depth === 0 && json.charCodeAt(at) === QUOTE) return at + 1;
  }
  return at;
}

/** Where the string that begins at `at` has its closing quote. */
function stringEnd(json: string, at: number): number {
  for (;;) {
    at = json.indexOf('"', at + 1);
    if (at < 0) return json.length;
    let slashes = 0;
    while (json.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
}

function trimEnd(json: string, at: number): number {
  while (json.charCodeAt(at - 1) <= 32) at--;
  return at;
}
