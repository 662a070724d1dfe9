import { expect, it } from 'vitest';
import { listAllTools } from '../list-tools.js';
import { readMessages } from '../messages.js';

const refusing = (code: number) => async () =>
  readMessages(
    JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code, message: 'No.' } }),
  )[0] as never;

it('finds no tools at a server that has prompts only', async () => {
  expect(await listAllTools({ capabilities: { prompts: {} } }, refusing(-32601))).toEqual({
    tools: [],
    remark: undefined,
  });
});

it.each([
  ['has tools and refuses', { tools: {} }, -32601],
  ['is out of order', { prompts: {} }, -32603],
])('does not take a server that %s for one without tools', async (_what, capabilities, code) => {
  await expect(listAllTools({ capabilities }, refusing(code))).rejects.toThrow(
    'refused to list its tools',
  );
});
