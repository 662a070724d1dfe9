import type { UpstreamServer } from '@conducktor/contracts';
import { MAX_QUOTE, UpstreamFailure, type ToolList } from '../connector.js';
import { isObject, type Message } from './messages.js';
import { METHOD_NOT_FOUND } from './versions.js';

const MAX_PAGES = 200;
const MAX_TOOLS = 5_000;
/** Leaves room in the frame that carries the list. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Follows `nextCursor` to the end of tools/list, within bounds, keeping every definition as it is.
 * `ask` sends one tools/list with this cursor and resolves with its answer. A server that says that
 * it has prompts or resources, and nothing of tools, may refuse: then it has none.
 */
export async function listAllTools(
  server: Pick<UpstreamServer, 'capabilities'> | undefined,
  ask: (cursor: string | undefined) => Promise<Extract<Message, { kind: 'result' | 'error' }>>,
): Promise<ToolList> {
  const tools: Record<string, unknown>[] = [];
  const names = new Set<string>();
  const cursors = new Set<string>();
  let cursor: string | undefined;
  let bytes = 0;
  let skipped = 0;
  for (let page = 0; ; page++) {
    const answer = await ask(cursor);
    if (answer.kind === 'error') {
      if (
        server &&
        server.capabilities['tools'] === undefined &&
        answer.error.code === METHOD_NOT_FOUND
      )
        return { tools: [], remark: undefined };
      throw new UpstreamFailure(
        'protocol',
        `The server refused to list its tools: ${answer.error.message.slice(0, MAX_QUOTE)} (${answer.error.code}).`,
      );
    }
    bytes += answer.resultJson.length;
    const list = answer.result['tools'];
    if (!Array.isArray(list))
      throw new UpstreamFailure(
        'protocol',
        'The server answered tools/list without a list of tools.',
      );
    for (const tool of list) {
      const name = isObject(tool) ? tool['name'] : undefined;
      if (typeof name !== 'string' || name === '' || names.has(name)) skipped++;
      else {
        names.add(name);
        tools.push(tool as Record<string, unknown>);
      }
    }
    const next = answer.result['nextCursor'];
    if (typeof next !== 'string') break;
    if (
      page + 1 >= MAX_PAGES ||
      tools.length >= MAX_TOOLS ||
      bytes >= MAX_BYTES ||
      cursors.has(next)
    ) {
      return {
        tools: tools.slice(0, MAX_TOOLS),
        remark: `The server's list of tools does not end; the first ${Math.min(tools.length, MAX_TOOLS)} were read.`,
      };
    }
    cursors.add(next);
    cursor = next;
  }
  if (bytes > MAX_BYTES || tools.length > MAX_TOOLS) {
    throw new UpstreamFailure('protocol', "The server's list of tools is too large.");
  }
  return {
    tools,
    remark:
      skipped > 0
        ? `${skipped} entries of the server's list of tools had no name of their own and were left out.`
        : undefined,
  };
}
