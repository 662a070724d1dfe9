/** The one place where a client's bytes become values. */
export type Parsed = { value: unknown } | { fault: string };

export function parseJson(body: Buffer): Parsed {
  try {
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    return { fault: 'the body is not valid JSON.' };
  }
}
