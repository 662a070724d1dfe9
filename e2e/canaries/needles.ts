/** A value that must be found nowhere, under a name that may be printed. */
export interface Secret {
  name: string;
  value: string;
}

interface Needle {
  /** The secret and how it was written. */
  name: string;
  bytes: Buffer;
}

// Shorter ones would be found by accident.
const MIN_LENGTH = 12;

/**
 * Looks for many secrets at once, each plain, URL-encoded, in hex, and in base64 and base64url at each of
 * the three places that a longer text may put it. One pass over what is searched, however many there are.
 */
export class Needles {
  /** By their first four bytes. */
  readonly #starts = new Map<number, Needle[]>();
  /** Which hashes of four bytes begin a needle, so that most places cost one look. */
  readonly #hashes = new Uint8Array(1 << 16);

  constructor(secrets: Iterable<Secret>) {
    for (const { name, value } of secrets) {
      if (value.length < MIN_LENGTH) throw new Error(`${name} is too short to be looked for.`);
      const written = new Map<string, string>();
      for (const [how, text] of spellings(value))
        if (!written.has(text)) written.set(text, `${name}, ${how}`);
      for (const [text, as] of written) this.#add({ name: as, bytes: Buffer.from(text) });
    }
  }

  #add(needle: Needle): void {
    const start = needle.bytes.readUInt32BE(0);
    this.#starts.set(start, [...(this.#starts.get(start) ?? []), needle]);
    this.#hashes[hashOf(start)] = 1;
  }

  /** Names of all that is in it, each once. */
  foundIn(text: Buffer | string): string[] {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    const found = new Set<string>();
    let last = 0;
    for (let at = 0; at < bytes.length; at++) {
      last = ((last << 8) | bytes[at]!) >>> 0;
      if (this.#hashes[hashOf(last)] === 0) continue;
      for (const needle of this.#starts.get(last) ?? []) {
        const begin = at - 3;
        if (bytes.subarray(begin, begin + needle.bytes.length).equals(needle.bytes))
          found.add(needle.name);
      }
    }
    return [...found];
  }
}

const hashOf = (fourBytes: number): number => Math.imul(fourBytes, 0x9e3779b1) >>> 16;

function* spellings(value: string): Generator<[how: string, text: string]> {
  yield ['plain', value];
  yield ['URL-encoded', encodeURIComponent(value)];
  yield ['URL-encoded as a form', new URLSearchParams({ v: value }).toString().slice(2)];
  yield ['in JSON', JSON.stringify(value).slice(1, -1)];
  const hex = Buffer.from(value).toString('hex');
  yield ['hex', hex];
  yield ['hex in capitals', hex.toUpperCase()];
  for (const shift of [0, 1, 2]) {
    const base64 = inBase64(value, shift);
    yield ['base64', base64];
    yield ['base64url', base64.replaceAll('+', '-').replaceAll('/', '_')];
  }
}

/** Those characters of the base64 of a longer text that depend on nothing but the value. */
function inBase64(value: string, before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]);
  const first = Math.ceil((before * 8) / 6);
  return bytes.toString('base64').slice(first, Math.floor((bytes.length * 8) / 6));
}
