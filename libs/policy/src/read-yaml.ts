import { isMap, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';

/**
 * What a YAML or JSON text says, or in a sentence why it cannot be read. Aliases and directives are not
 * taken: the former multiply a small text into a huge document, the latter take the library quadratic time.
 */
export function readYaml(text: string): { value: unknown } | { problem: string } {
  if (/^%/m.test(text)) return { problem: 'uses YAML directives, which are not allowed here' };
  const lines = new LineCounter();
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `at line ${line}, column ${col}`;
  };
  // The library would compare each name with each, and draw a picture of every mistake.
  const document = parseDocument(text, {
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
  });
  const [error] = document.errors;
  if (error)
    return {
      problem: `is not readable YAML or JSON: ${error.message.split('\n')[0]} ${placeOf(error.pos[0])}`,
    };
  const twice = nameSaidTwice(document);
  if (twice)
    return {
      problem: `is not readable YAML or JSON: "${twice.name}" is there twice in one mapping, ${placeOf(twice.offset)}`,
    };
  try {
    return { value: document.toJS({ maxAliasCount: 0 }) };
  } catch {
    return { problem: 'uses YAML aliases, which are not allowed here' };
  }
}

function nameSaidTwice(document: Document): { name: string; offset: number } | undefined {
  let found: { name: string; offset: number } | undefined;
  visit(document, {
    Map: (_, map) => {
      const names = new Set<string>();
      for (const { key } of map.items) {
        // As names of a JavaScript object: 1 and "1" are one.
        const name = isScalar(key) ? String(key.value) : String(key);
        if (names.has(name)) {
          found = { name: name.slice(0, 60), offset: offsetOf(key) };
          return visit.BREAK;
        }
        names.add(name);
      }
      return undefined;
    },
  });
  return found;
}

function offsetOf(key: unknown): number {
  return ((isScalar(key) || isMap(key)) && key.range?.[0]) || 0;
}
