import type { ErrorObject } from 'ajv';

/** One sentence that names the field and what is wrong with it. */
export function sentenceOf(errors: readonly ErrorObject[]): string {
  // Of a failed alternative, the last error is the alternative's own; those before are its branches'.
  const error = errors.at(-1);
  if (!error) return 'The arguments do not fit.';
  const place = placeOf(error.instancePath);
  const field = place === '' ? 'The arguments' : `"${place}"`;
  const within = (name: unknown) => `"${place === '' ? '' : `${place}.`}${String(name)}"`;
  const { params } = error;
  switch (error.keyword) {
    case 'required':
    case 'dependentRequired':
    case 'dependencies':
      return `${within(params['missingProperty'])} is missing.`;
    case 'additionalProperties':
      return `${within(params['additionalProperty'])} is not an argument of this tool.`;
    case 'unevaluatedProperties':
      return `${within(params['unevaluatedProperty'])} is not an argument of this tool.`;
    case 'type':
      return `${field} must be ${typesOf(params['type'])}.`;
    case 'enum':
      return `${field} must be one of ${listOf(params['allowedValues'])}.`;
    case 'const':
      return `${field} must be ${JSON.stringify(params['allowedValue'])}.`;
    case 'anyOf':
    case 'oneOf':
      return `${field} fits none, or more than one, of the forms it may have.`;
    case 'uniqueItems':
      return `${field} must not have the same entry twice.`;
    default:
      return `${field} ${error.message ?? 'does not fit'}.`;
  }
}

/** `/a/0/b~1c` → `a[0].b/c` (RFC 6901). */
function placeOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
    .slice(0, 200);
}

const ARTICLES: Record<string, string> = {
  array: 'a list',
  integer: 'a whole number',
  object: 'an object',
  null: 'null',
};
const typesOf = (types: unknown) =>
  [types]
    .flat()
    .map((type) => ARTICLES[String(type)] ?? `a ${String(type)}`)
    .join(' or ');

function listOf(values: unknown): string {
  const shown = (values as unknown[]).slice(0, 12).map((value) => JSON.stringify(value));
  return shown.join(', ') + ((values as unknown[]).length > 12 ? ', …' : '');
}
