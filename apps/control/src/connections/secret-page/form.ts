import { ConnectionPatch, type Connection } from '@conducktor/contracts';
import { invalidRequest } from '../../http/problem.js';
import { refuseUnstorable } from '../../http/unstorable.js';

/** Rows of the form; what needs more is for the REST API. */
export const ROWS = 4;

export interface SecretForm {
  /** Only test: nothing is stored. */
  testOnly: boolean;
  names: string[];
  values: string[];
}

export function readForm(body: URLSearchParams): SecretForm {
  const rows = Array.from({ length: ROWS }, (_, row) => row);
  const field = (name: string) => body.get(name) ?? '';
  return {
    testOnly: field('do') === 'test',
    names: rows.map((row) => field(`name${row}`).trim()),
    values: rows.map((row) => field(`value${row}`)),
  };
}

/**
 * The headers or variables that replace what is stored. Rows without a value are left out. Throws
 * `invalid_request` naming the row, never its value.
 */
export function patchOf(kind: Connection['kind'], { names, values }: SecretForm): ConnectionPatch {
  const pairs = names.map((name, row) => [name, values[row]!] as const);
  const given = pairs.filter(([, value]) => value !== '');
  const patch = { [kind === 'mcp-stdio' ? 'env' : 'headers']: Object.fromEntries(given) };
  refuseUnstorable(JSON.stringify(patch), patch);
  const parsed = ConnectionPatch.safeParse(patch);
  if (!parsed.success) throw invalidRequest(parsed.error, 'form');
  return parsed.data;
}

/** Why the form cannot be taken as it is; undefined: it can. */
export function problemOf({ names, values }: SecretForm): string | undefined {
  const given = names.map((name, row) => ({ name, value: values[row]! }));
  if (given.every(({ value }) => value === '')) return 'Enter a secret, or test without one.';
  const nameless = given.findIndex(({ name, value }) => value !== '' && name === '');
  if (nameless >= 0) return `Row ${nameless + 1} has a value and no name.`;
  const used = given.filter(({ value }) => value !== '').map(({ name }) => name.toLowerCase());
  if (new Set(used).size < used.length) return 'The same name is there twice.';
  return undefined;
}
