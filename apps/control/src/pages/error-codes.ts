import { readFile } from 'node:fs/promises';
import { escapeHtml } from './layout.js';

// Beside the code in every installation; the page is as the file is.
const FILE = new URL('../../../../docs/errors.md', import.meta.url);

let rendered: Promise<string> | undefined;

/** docs/errors.md as HTML, each code with an anchor of its own name. Read once. */
export function errorCodes(): Promise<string> {
  rendered ??= readFile(FILE, 'utf8').then(toHtml);
  return rendered;
}

/** The little of Markdown that docs/errors.md uses: headings, paragraphs, lists, code, links. */
export function toHtml(markdown: string): string {
  return markdown
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block !== '')
    .map(blockToHtml)
    .join('\n');
}

function blockToHtml(block: string): string {
  const [, hashes, title] = /^(#{1,3}) (.+)$/.exec(block) ?? [];
  if (hashes !== undefined && title !== undefined) {
    const code = /^`(\w+)`/.exec(title)?.[1];
    const id = code === undefined ? '' : ` id="${code}"`;
    return `<h${hashes.length}${id}>${inline(title)}</h${hashes.length}>`;
  }
  const lines = block.split('\n');
  if (lines.every((line) => line.startsWith('- ')))
    return `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join('')}</ul>`;
  return `<p>${inline(lines.join(' '))}</p>`;
}

function inline(text: string): string {
  return (
    escapeHtml(text)
      .replace(/`([^`]+)`/g, '<code>$1</code>')
      // Links lead to other files of the docs folder, which is not served.
      .replace(/\[([^\]]+)\]\(([^)]+)\)/g, '$1 (<code>docs/$2</code>)')
  );
}
