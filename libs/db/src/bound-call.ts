// Binary arrays name the type of their elements by its number in pg_type.
const OID = { bool: 16, int8: 20, int4: 23, text: 25, timestamptz: 1184 } as const;
// Timestamps count microseconds from here, not from 1970.
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const BINARY = 1;
const START_BYTES = 16_384;

/**
 * Writes one execution of a prepared statement as the three messages of PostgreSQL's extended query
 * protocol (Bind, Execute, Sync) into one buffer, its parameters in binary form: arrays of long texts
 * are then copied by the server instead of being read character by character.
 *
 * The buffer is used again by the next `begin`, so there may be one execution under way at a time.
 */
export class BoundCall {
  private buffer = Buffer.allocUnsafe(START_BYTES);
  private at = 0;

  begin(statement: string, parameters: number): this {
    this.at = 0;
    this.room(statement.length + 32);
    this.buffer[this.at] = 0x42; // Bind
    this.at = 5;
    this.buffer[this.at++] = 0; // the portal without a name
    this.at += this.buffer.write(statement, this.at, 'latin1');
    this.buffer[this.at++] = 0;
    this.int16(1);
    this.int16(BINARY);
    this.int16(parameters);
    return this;
  }

  null(): this {
    this.int32(-1);
    return this;
  }

  int4(value: number): this {
    this.int32(4);
    this.int32(value);
    return this;
  }

  /** Integers up to 2^53; throws RangeError for what is none, which would be written as another number. */
  int8(value: number): this {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer.`);
    this.int32(8);
    this.int64(value);
    return this;
  }

  bool(value: boolean): this {
    this.int32(1);
    this.room(1);
    this.buffer[this.at++] = value ? 1 : 0;
    return this;
  }

  timestamptz(unixMs: number | null): this {
    return unixMs === null
      ? this.null()
      : this.int8(Math.round((unixMs - POSTGRES_EPOCH_MS) * 1_000));
  }

  text(value: string): this {
    // At most three bytes for each UTF-16 unit; the length is put in when it is known.
    this.room(value.length * 3 + 4);
    const length = this.buffer.write(value, this.at + 4, 'utf8');
    this.buffer.writeInt32BE(length, this.at);
    this.at += 4 + length;
    return this;
  }

  /** An array of one dimension, each of its elements written by one call of `element`. */
  array<Item>(type: keyof typeof OID, items: readonly Item[], element: (item: Item) => void): this {
    const start = this.at;
    this.int32(0);
    this.int32(items.length === 0 ? 0 : 1);
    this.int32(1); // may hold nulls
    this.int32(OID[type]);
    if (items.length > 0) {
      this.int32(items.length);
      this.int32(1); // the first index
      for (const item of items) element(item);
    }
    this.buffer.writeInt32BE(this.at - start - 4, start);
    return this;
  }

  /** The bytes to be sent. */
  end(): Buffer {
    this.int16(0); // results as text
    this.buffer.writeInt32BE(this.at - 1, 1);
    this.room(15);
    const rest = this.at;
    this.at += EXECUTE_AND_SYNC.copy(this.buffer, rest);
    return this.buffer.subarray(0, this.at);
  }

  private int16(value: number): void {
    this.room(2);
    this.at = this.buffer.writeInt16BE(value, this.at);
  }

  private int32(value: number): void {
    this.room(4);
    this.at = this.buffer.writeInt32BE(value, this.at);
  }

  private int64(value: number): void {
    this.room(8);
    const high = Math.floor(value / 0x1_0000_0000);
    this.at = this.buffer.writeInt32BE(high, this.at);
    this.at = this.buffer.writeUInt32BE(value - high * 0x1_0000_0000, this.at);
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }
}

// Execute the portal without a name, all its rows; then Sync.
const EXECUTE_AND_SYNC = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);
