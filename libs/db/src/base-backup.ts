import { Client } from 'pg';

/**
 * Has a running Postgres write a copy of its whole cluster, with the write-ahead log that makes it
 * consistent, to `directory` on its own machine: one file `base.tar.gz`. Clients go on meanwhile.
 * @param adminUrl of a superuser; the server must be able to write `directory`, which is empty.
 * @param onProgress is told how many bytes were read so far.
 */
export async function takeBaseBackup(
  adminUrl: string,
  directory: string,
  onProgress: (bytes: number) => void = () => {},
): Promise<void> {
  const client = new Client({
    connectionString: adminUrl,
    application_name: 'conducktor-backup',
    // A connection of the replication protocol, which has the command for it.
    replication: 'true',
  } as ConstructorParameters<typeof Client>[0]);
  await client.connect();
  try {
    const { connection } = client as unknown as {
      connection: { on(event: 'copyData', fn: (message: { chunk: Buffer }) => void): void };
    };
    connection.on('copyData', ({ chunk }) => {
      // "p" and the bytes done, as a 64-bit number; other letters are about files.
      if (chunk[0] === 0x70 && chunk.length === 9) onProgress(Number(chunk.readBigUInt64BE(1)));
    });
    await client.query(
      `BASE_BACKUP (LABEL 'conducktor', TARGET 'server', TARGET_DETAIL '${directory.replaceAll("'", "''")}',
                    WAL true, CHECKPOINT 'fast', COMPRESSION 'gzip', PROGRESS true)`,
    );
  } finally {
    await client.end();
  }
}
