import type { Connection, Submittable } from 'pg';

/** The messages of the server as `pg` hands them on. */
interface DataRow {
  fields: (Buffer | string | null)[];
}

/**
 * One execution of a prepared statement that answers with one row of one column, in `pg`'s queue of
 * queries. It asks for no description of the row and makes no result object: at one tick a call they
 * cost more than the answer.
 */
export class Exchange implements Submittable {
  /** The column as text; undefined until the row has come. */
  private value: string | null | undefined;
  /** `pg` wraps it where the client has a `query_timeout`. */
  callback: (error: Error | null, value?: string | null) => void;

  constructor(
    private readonly message: Buffer,
    done: (error: Error | null, value?: string | null) => void,
  ) {
    this.callback = done;
  }

  submit(connection: Connection): void {
    (connection as unknown as { stream: { write(bytes: Buffer): void } }).stream.write(
      this.message,
    );
  }

  handleDataRow(row: DataRow): void {
    const field = row.fields[0] ?? null;
    this.value = field === null ? null : field.toString();
  }

  handleError(error: Error): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    // Null is an answer, and silence is none: taken for one it would admit what is not recorded.
    if (this.value === undefined) this.callback(new Error('The server answered without a row.'));
    else this.callback(null, this.value);
  }

  handleCommandComplete(): void {}
}
