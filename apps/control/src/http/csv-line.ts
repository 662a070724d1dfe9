/** One line of RFC 4180. Numbers stand as they are, texts in quotes. */
export function csvLine(values: readonly (string | number)[]): string {
  return `${values.map(cell).join(',')}\r\n`;
}

/**
 * Tools, addresses and reasons are other people's words. A spreadsheet runs what begins like a formula,
 * also after blanks; with an apostrophe before it, it shows it as text.
 */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = /^\s*[=+\-@\uff0b\uff0d\uff1d\uff20]|^[\t\r\n]/.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
