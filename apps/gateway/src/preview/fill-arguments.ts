import { FROM_CALL } from '@conducktor/contracts';
import { NoPreview } from './no-preview.js';

/**
 * The arguments of a read, as an admin wrote them, with values of the call that waits in their places:
 * `{"id": {"$from": "/page_id"}}` → `{"id": 42}`. What is taken over stays as it is, whatever it looks
 * like. Throws NoPreview where the call has nothing at such a place.
 */
export function fillArguments(
  template: Readonly<Record<string, unknown>>,
  args: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return filled(template, args) as Record<string, unknown>;
}

function filled(value: unknown, args: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => filled(each, args));
  const fields = value as Record<string, unknown>;
  if (Object.hasOwn(fields, FROM_CALL)) return valueAt(args, fields[FROM_CALL] as string);
  return Object.fromEntries(
    Object.entries(fields).map(([name, each]) => [name, filled(each, args)]),
  );
}

// RFC 6901: no sign, no leading zero.
const INDEX = /^(?:0|[1-9]\d*)$/;

function valueAt(args: unknown, pointer: string): unknown {
  let value = args;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    const isThere =
      typeof value === 'object' &&
      value !== null &&
      (!Array.isArray(value) || INDEX.test(name)) &&
      Object.hasOwn(value, name);
    if (!isThere) throw new NoPreview(`The call has nothing at "${pointer}" to read it by.`);
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
