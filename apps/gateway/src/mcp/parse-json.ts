import { JsonRefused, parseJsonStrict } from '@conducktor/catalog';

export type Parsed = { value: unknown } | { fault: string };

/**
 * The one place where a client's bytes become values. JSON that two parsers could read differently
 * is refused: equal keys, numbers that a double changes, `__proto__`, more than 64 levels.
 */
export function parseJson(body: Buffer): Parsed {
  try {
    return { value: parseJsonStrict(body.toString('utf8')) };
  } catch (error) {
    if (error instanceof JsonRefused) return { fault: error.message };
    throw error;
  }
}
