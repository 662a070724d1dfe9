const KEY = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES: readonly unknown[] = ['string', 'integer', 'boolean'];

/** Keywords whose value holds subschemas: by name, or as one or a list. */
const BY_NAME = new Set(['patternProperties', 'dependentSchemas', '$defs', 'definitions']);
const PLACES = [
  ...BY_NAME,
  ...'items prefixItems contains additionalProperties additionalItems unevaluatedProperties unevaluatedItems propertyNames'.split(
    ' ',
  ),
  ...'oneOf anyOf allOf not if then else'.split(' '),
];

/**
 * Why the `x-mcp-header` declarations of an input schema make its tool unusable (MCP 2026-07-28,
 * Streamable HTTP): a client must leave such a tool out. Each declaration must be a header token,
 * unique in any case, on a property of type string, integer or boolean that is reached by
 * `properties` alone. The schema must be bounded in depth.
 */
export function headerDeclarationProblem(inputSchema: unknown): string | undefined {
  const names = new Set<string>();
  const visit = (schema: unknown, path: string, reached: boolean): string | undefined => {
    if (!isObject(schema)) return undefined;
    if (Object.hasOwn(schema, KEY)) {
      const name = schema[KEY];
      const at = `its ${KEY} at "${path.slice(0, 100) || 'the top'}"`;
      if (!reached || path === '') return `${at} is not on a property of its own`;
      if (typeof name !== 'string' || !TOKEN.test(name)) return `${at} is no header name`;
      if (!TYPES.includes(schema['type'])) return `${at} is not on a string, integer or boolean`;
      if (names.has(name.toLowerCase())) return `${at} names the same header as another`;
      names.add(name.toLowerCase());
    }
    const { properties } = schema;
    if (isObject(properties)) {
      for (const [key, child] of Object.entries(properties)) {
        const problem = visit(child, path === '' ? key : `${path}.${key}`, reached);
        if (problem !== undefined) return problem;
      }
    }
    for (const keyword of PLACES) {
      const value = schema[keyword];
      const parts = Array.isArray(value)
        ? value
        : BY_NAME.has(keyword) && isObject(value)
          ? Object.values(value)
          : [value];
      for (const part of parts) {
        const problem = visit(part, `${path}/${keyword}`, false);
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  };
  return visit(inputSchema, '', true);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
