import type { RegExpEngine } from 'ajv/dist/types/index.js';
import { RE2JS } from 're2js';
import { countSteps } from './steps.js';

const MAX_PATTERN = 2_000;

/**
 * The regular expressions of schemas, in linear time. A pattern that RE2 does not know (look-around,
 * back-references) is not checked here: many honest schemas have one, and the upstream checks
 * its arguments itself.
 */
export const linearRegExp: RegExpEngine = Object.assign(
  (pattern: string) => {
    const matcher = compile(pattern);
    return {
      test: (text: string) => {
        // A step is about 20 characters read; the engine reads some 30 to 50 million a second.
        countSteps(1 + text.length / 20);
        return matcher === undefined || matcher.test(text);
      },
      // ajv keeps one matcher for all that print alike; each pattern must print as itself, or data
      // would be held against another pattern.
      toString: () => `RE2(${JSON.stringify(pattern)})`,
    };
  },
  { code: 'linearRegExp' },
);

function compile(pattern: string): RE2JS | undefined {
  if (pattern.length > MAX_PATTERN) return undefined;
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch {
    return undefined;
  }
}
