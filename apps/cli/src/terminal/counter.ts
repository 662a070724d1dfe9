const EVERY_MS = 1_000;

/** Shows how far a long copy has come: a live line on a terminal, a line every second in a log. */
export function createCounter(
  out: NodeJS.WriteStream,
  label: string,
): { show(bytes: number): void; done(): void } {
  let shownAt = 0;
  let last = 0;
  const line = (bytes: number) => `${label}: ${(bytes / 1024 / 1024).toFixed(0)} MB`;
  return {
    show(bytes) {
      last = bytes;
      if (Date.now() - shownAt < EVERY_MS) return;
      shownAt = Date.now();
      out.write(out.isTTY ? `\r\u001b[K${line(bytes)}` : `${line(bytes)}\n`);
    },
    done() {
      out.write(`${out.isTTY ? '\r\u001b[K' : ''}${line(last)}, done\n`);
    },
  };
}
