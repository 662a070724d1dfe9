/** Rows in columns as wide as their widest cell, two blanks apart; the last one is not padded. */
export function columns(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]!.length)),
  );
  return rows
    .map((row) =>
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))),
    )
    .map((row) => `  ${row.join('  ').trimEnd()}`)
    .join('\n');
}

/** Columns under a header with a rule. */
export function table(header: string[], rows: string[][]): string {
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]!.length)),
  );
  return columns([header, widths.map((width) => '─'.repeat(width)), ...rows]);
}
