import { escapeHtml } from './layout.js';

type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- a schema of any shape

const MOST_DEPTH = 3;

/** A JSON Schema in a few words, as HTML: `list of Member`, `text or null`, `one of read, write`. */
export function typeOf(schema: Json, depth = 0): string {
  const {
    $ref,
    anyOf,
    oneOf,
    enum: values,
    type,
    items,
    properties,
    additionalProperties,
  } = schema;
  if (typeof $ref === 'string') return link($ref.split('/').at(-1)!);
  const choices = (anyOf ?? oneOf) as Json[] | undefined;
  if (choices) return choices.map((each) => typeOf(each, depth)).join(' or ');
  if (values)
    return (values as unknown[])
      .map((each) => `<code>${escapeHtml(String(each))}</code>`)
      .join(', ');
  if ('const' in schema) return `<code>${escapeHtml(JSON.stringify(schema['const']))}</code>`;
  if (type === 'array') return items ? `list of ${typeOf(items as Json, depth)}` : 'list';
  if (type === 'object' && properties && depth < MOST_DEPTH) {
    const fields = Object.entries(properties as Record<string, Json>);
    return `{ ${fields.map(([name, each]) => `${escapeHtml(name)}: ${typeOf(each, depth + 1)}`).join(', ')} }`;
  }
  if (type === 'object' && typeof additionalProperties === 'object')
    return `map of ${typeOf(additionalProperties as Json, depth + 1)}`;
  if (Array.isArray(type))
    return type.map((each) => typeOf({ ...schema, type: each as unknown }, depth)).join(' or ');
  if (type === 'null') return 'null';
  return WORDS[schema['format'] as string] ?? WORDS[type as string] ?? 'anything';
}

const WORDS: Record<string, string> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'yes or no',
  null: 'null',
  object: 'object',
  'date-time': 'instant',
  uri: 'address',
  email: 'e-mail address',
};

const link = (name: string) => `<a href="#schema-${name}">${name}</a>`;

/** The fields of an object, or what the schema is when it is none. `caption` is read by screen readers. */
export function fieldTable(schema: Json, caption: string): string {
  const properties = schema['properties'] as Record<string, Json> | undefined;
  if (!properties) return `<p>${typeOf(schema)}</p>`;
  if (Object.keys(properties).length === 0) return '<p>No fields.</p>';
  const required = new Set(schema['required'] as string[] | undefined);
  const rows = Object.entries(properties).map(
    ([name, each]) =>
      `<tr><th scope="row"><code>${escapeHtml(name)}</code>${required.has(name) ? '' : ' <span class="soft">optional</span>'}</th><td>${typeOf(each)}${bounds(each)}</td></tr>`,
  );
  return `<table aria-label="${escapeHtml(caption)}"><tbody>${rows.join('')}</tbody></table>`;
}

function bounds(schema: Json): string {
  const said = [
    schema['description'],
    schema['default'] === undefined ? undefined : `default ${JSON.stringify(schema['default'])}`,
    range(schema['minimum'], schema['maximum'], ''),
    range(schema['minLength'], schema['maxLength'], ' characters'),
    range(schema['minItems'], schema['maxItems'], ' entries'),
    schema['pattern'] === undefined || String(schema['pattern']).length > 60
      ? undefined
      : `like ${schema['pattern']}`,
  ].filter((each) => each !== undefined);
  return said.length === 0 ? '' : `<br><span class="soft">${escapeHtml(said.join('; '))}</span>`;
}

function range(least: unknown, most: unknown, unit: string): string | undefined {
  // What JSON Schema writes for "any integer" is no bound that a reader cares for.
  const bound = (value: unknown) =>
    typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
  const [low, high] = [bound(least), bound(most)];
  if (low === undefined && high === undefined) return undefined;
  if (high === undefined) return `at least ${low}${unit}`;
  if (low === undefined) return `at most ${high}${unit}`;
  return `${low} to ${high}${unit}`;
}
