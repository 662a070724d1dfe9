import type { RegExpEngine } from 'ajv/dist/types/index.js';
import { RE2JS } from 're2js';
import { SchemaRefused } from './prepare.js';
import { countSteps } from './steps.js';

const MAX_PATTERN = 2_000;
/** Of all patterns of one schema; case folding of large classes costs some 30 µs a character. */
const MAX_CHARACTERS = 8_000;
/** Instructions of all patterns of one schema: repetitions (`{1,1000}`) are written out. */
const MAX_INSTRUCTIONS = 20_000;

/**
 * The regular expressions of one schema, in linear time. A pattern that RE2 does not know (look-around,
 * back-references) is not checked here: many honest schemas have one, and the upstream checks
 * its arguments itself. Throws SchemaRefused when compiling them all would take too long.
 */
export function linearRegExps(): RegExpEngine {
  const known = new Map<string, RE2JS | undefined>();
  let characters = 0;
  let instructions = 0;
  const matcherOf = (pattern: string): RE2JS | undefined => {
    if (known.has(pattern)) return known.get(pattern);
    if (pattern.length <= MAX_PATTERN) characters += pattern.length;
    const matcher = characters > MAX_CHARACTERS ? undefined : compile(pattern);
    instructions += matcher?.programSize() ?? 0;
    if (characters > MAX_CHARACTERS || instructions > MAX_INSTRUCTIONS)
      throw new SchemaRefused('its patterns are too large');
    known.set(pattern, matcher);
    return matcher;
  };
  const engine = (pattern: string) => {
    const matcher = matcherOf(pattern);
    return {
      test: (text: string) => {
        // A step is about 20 characters read; the engine reads some 30 to 50 million a second.
        countSteps(2 + text.length / 20);
        return matcher === undefined || matcher.test(text);
      },
      // ajv keeps one matcher for all that print alike; each pattern must print as itself, or data
      // would be held against another pattern.
      toString: () => `RE2(${JSON.stringify(pattern)})`,
    };
  };
  return Object.assign(engine, { code: 'linearRegExp' });
}

function compile(pattern: string): RE2JS | undefined {
  if (pattern.length > MAX_PATTERN) return undefined;
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch {
    return undefined;
  }
}
