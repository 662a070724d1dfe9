/** The keyword that counts steps; its value is what one evaluation of the subschema costs. */
export const STEPS = 'conducktorSteps';
/** The keyword that counts how large the data is, where other keywords read all of it. */
export const SIZED = 'conducktorSized';

const MAX_NODES = 10_000;
/** Compiling takes quadratic time: at this many some 0.1 s, and no real tool has half as many. */
const MAX_SUBSCHEMAS = 1_000;
const MAX_DEPTH = 40;

/** Why a schema cannot be used; the message is a sentence for an admin. */
export class SchemaRefused extends Error {}

const ONE =
  'items additionalItems contains additionalProperties propertyNames not if then else unevaluatedItems unevaluatedProperties'.split(
    ' ',
  );
const LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'];
const MAP = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'];
const PLAIN = (
  'type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength ' +
  'pattern maxItems minItems uniqueItems maxContains minContains maxProperties minProperties ' +
  'required dependentRequired $anchor'
).split(' ');
const READ_ALL = ['minLength', 'maxLength', 'minProperties', 'maxProperties'];

/**
 * A copy with only the keywords that validate, each subschema made to count its steps. Annotations
 * and unknown keywords never reach the compiler. `format` is an annotation in draft 2020-12 and is
 * left to the upstream. References may only point into the schema itself.
 */
export function prepareSchema(schema: unknown): Record<string, unknown> | boolean {
  let nodes = 0;
  let subschemas = 0;
  const copy = (part: unknown, depth: number, root: boolean): Record<string, unknown> | boolean => {
    if (++subschemas > MAX_SUBSCHEMAS)
      throw new SchemaRefused(`it has more than ${MAX_SUBSCHEMAS} subschemas`);
    if (typeof part === 'boolean') return part;
    if (typeof part !== 'object' || part === null || Array.isArray(part))
      throw new SchemaRefused('a part of it is not a schema');
    if (depth > MAX_DEPTH)
      throw new SchemaRefused(`it is nested more than ${MAX_DEPTH} levels deep`);
    const source = part as Record<string, unknown>;
    const target: Record<string, unknown> = {};
    let weight = 1;
    for (const keyword of PLAIN) {
      if (!Object.hasOwn(source, keyword)) continue;
      const value = source[keyword];
      if (keyword !== 'type') weight += partsOf(value);
      target[keyword] = value;
    }
    nodes += weight;
    if (nodes > MAX_NODES) throw new SchemaRefused(`it has more than ${MAX_NODES} parts`);
    for (const keyword of ONE) {
      const value = source[keyword];
      if (value !== undefined && !Array.isArray(value))
        target[keyword] = copy(value, depth + 1, false);
    }
    for (const keyword of LIST) {
      const value = source[keyword];
      if (Array.isArray(value)) target[keyword] = value.map((each) => copy(each, depth + 1, false));
    }
    for (const keyword of MAP) {
      const value = source[keyword];
      if (typeof value !== 'object' || value === null) continue;
      target[keyword] = mapOf(value, (each) => copy(each, depth + 1, false));
      // Looking for a property is cheap, but is done for each that is declared.
      weight += Object.keys(value).length / 4;
    }
    if (typeof source['dependencies'] === 'object' && source['dependencies'] !== null)
      target['dependencies'] = mapOf(source['dependencies'], (each) =>
        Array.isArray(each) ? each : copy(each, depth + 1, false),
      );
    takeReference(source, target, root);
    target[STEPS] = weight;
    if (READ_ALL.some((keyword) => Object.hasOwn(target, keyword))) target[SIZED] = true;
    return target;
  };
  return copy(schema, 1, true);
}

/** How many values a keyword holds, all levels counted: constants may be compared to their end. */
function partsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let parts = 0;
  for (const part of Object.values(value)) parts += 1 + partsOf(part);
  return parts;
}

function mapOf(map: object, change: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

function takeReference(
  source: Record<string, unknown>,
  target: Record<string, unknown>,
  root: boolean,
) {
  for (const keyword of ['$dynamicRef', '$recursiveRef'])
    if (source[keyword] !== undefined) throw new SchemaRefused(`it uses "${keyword}"`);
  if (source['$id'] !== undefined && !root)
    throw new SchemaRefused('a part of it has an "$id" of its own');
  const reference = source['$ref'];
  if (reference === undefined) return;
  if (typeof reference !== 'string' || !reference.startsWith('#'))
    throw new SchemaRefused(`it refers to "${String(reference).slice(0, 80)}", outside of itself`);
  target['$ref'] = reference;
}
