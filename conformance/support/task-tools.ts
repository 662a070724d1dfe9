import { RpcError, type FixtureTool } from '@conducktor/testing';

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

function tool(name: string, run: FixtureTool['run'], readOnlyHint = false): FixtureTool {
  const inputSchema = { type: 'object' };
  return { definition: { name, inputSchema, annotations: { readOnlyHint } }, run };
}

/** What the suite's scenarios of the tasks extension call by name; which of them is a task, the policy says. */
export const TASK_TOOLS: FixtureTool[] = [
  tool('greet', async ({ name }) => text(`Hello, ${String(name)}!`), true),
  tool('slow_compute', async ({ label }) => text(`computed ${String(label)}`)),
  tool('failing_job', async () => ({ ...text('the job failed'), isError: true })),
  tool('protocol_error_job', async () => {
    throw new RpcError(-32_000, 'the job broke the protocol');
  }),
  tool('confirm_delete', async ({ filename }) => text(`deleted ${String(filename)}`)),
  tool('multi_input', async () => text('nothing was asked')),
  tool('test_tool_with_task', async () => text('nothing was asked')),
];

/** A task that the suite cancels: nobody approves it. */
export const isToBeCancelled = (args: { seconds?: number } | null) => (args?.seconds ?? 0) >= 60;
