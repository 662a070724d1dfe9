import { parseJsonExact } from '@conducktor/catalog';
import type { KeptPreview } from '@conducktor/contracts';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { CODE } from '../tool-call/rpc-errors.js';

/** Bytes of UTF-8 that are kept of what a tool gave. */
const MOST = 64 * 1024;
/** Characters of what a service says of its own failure. */
const MOST_OF_ERROR = 500;
/** Larger texts are not looked at as JSON: most of them would be cut away anyway. */
const MOST_AS_JSON = 1024 * 1024;

/**
 * An answer as approvers read it, line by line: structured content, or all texts; what is JSON indented.
 * What is no text is named. `tool` is the one that gave it.
 */
export function readable(answer: ToolCallAnswer, tool: string): KeptPreview {
  if (answer.kind === 'challenge') return { reason: `${tool} was not called.` };
  if (answer.kind === 'error') return failed(tool, answer.error.message);
  const { result } = answer;
  if (result['isError'] === true) {
    const own = (result['_meta'] as Record<string, unknown> | undefined)?.[CODE];
    const text = textOf(result['content']);
    return own === undefined ? failed(tool, text) : { reason: cutTo(MOST_OF_ERROR, text) };
  }
  if (result['resultType'] === 'input_required')
    return { reason: `${tool} asks for more, and nobody is there to answer.` };
  const { structuredContent } = result;
  const text = isObject(structuredContent)
    ? indented(structuredContent)
    : textOf(result['content']);
  if (text === '') return { reason: `${tool} gave nothing.` };
  const bytes = Buffer.from(text);
  if (bytes.length <= MOST) return { content: text };
  // Without the beginning of a character that is cut in two.
  return {
    content: new TextDecoder().decode(bytes.subarray(0, MOST), { stream: true }),
    cut: true,
  };
}

function failed(tool: string, said: string): KeptPreview {
  return { reason: `${tool} answered with an error: ${cutTo(MOST_OF_ERROR, said)}` };
}

const cutTo = (most: number, text: string) =>
  text.length > most ? `${text.slice(0, most)}…`.toWellFormed() : text;

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return '';
  return content.map(textOfBlock).join('\n');
}

function textOfBlock(block: unknown): string {
  if (!isObject(block)) return indented(block);
  const { type, text, resource } = block;
  if (typeof text === 'string') return indentedText(text);
  if (isObject(resource) && typeof resource['text'] === 'string')
    return indentedText(resource['text']);
  if (type === 'resource_link') return indented(block);
  const { mimeType } = isObject(resource) ? resource : block;
  return `[${String(type).slice(0, 64)}${typeof mimeType === 'string' ? `, ${mimeType.slice(0, 128)}` : ''}: not shown]`;
}

function indentedText(text: string): string {
  if (text.length > MOST_AS_JSON || !/^\s*[[{]/.test(text)) return text.toWellFormed();
  try {
    return indented(parseJsonExact(text));
  } catch {
    return text.toWellFormed();
  }
}

/**
 * As `JSON.stringify(value, null, 2)`, but no longer than a little over what is kept: a service can nest
 * what it gives so deep that its indents alone would fill the memory.
 */
function indented(value: unknown): string {
  const written: string[] = [];
  let left = MOST;
  const write = (text: string) => {
    written.push(text);
    left -= text.length;
  };
  const list = <Item>(
    [open, close]: readonly [string, string],
    items: readonly Item[],
    indent: string,
    putItem: (item: Item) => void,
  ) => {
    write(open);
    for (const [index, item] of items.entries()) {
      if (left < 0) return;
      write(`${index === 0 ? '' : ','}\n${indent}  `);
      putItem(item);
    }
    write(items.length === 0 ? close : `\n${indent}${close}`);
  };
  const put = (each: unknown, indent: string): void => {
    const deeper = `${indent}  `;
    if (Array.isArray(each)) list(['[', ']'], each, indent, (item: unknown) => put(item, deeper));
    else if (isObject(each))
      list(['{', '}'], Object.keys(each), indent, (name) => {
        write(`${JSON.stringify(name)}: `);
        put(each[name], deeper);
      });
    else write(JSON.stringify(each));
  };
  put(value, '');
  return written.join('');
}

/** Not what stands for a number that no double has. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJson(value);
}

const { isRawJSON: isRawJson } = JSON as unknown as { isRawJSON(value: unknown): boolean };
