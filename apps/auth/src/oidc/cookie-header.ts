/** Name and raw value of each cookie in a `Cookie` header (RFC 6265 section 4.2), in order. */
export function parse(header: string | undefined): (readonly [string, string])[] {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.includes('='))
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
}
