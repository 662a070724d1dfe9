import { setTimeout as sleep } from 'node:timers/promises';
import { objectSchema, text, type FixtureEntry } from './conformance-exchange.js';

const STEP_MS = 50;

/** Tools that take a moment, speak while they run, or change what the server offers. */
export const RUNNING_TOOLS: FixtureEntry[] = [
  {
    definition: {
      name: 'test_tool_with_logging',
      description: 'Logs three messages while it runs.',
      inputSchema: objectSchema(),
    },
    run: async (_args, { log }) => {
      await log('info', 'Tool execution started');
      await sleep(STEP_MS);
      await log('info', 'Tool processing data');
      await sleep(STEP_MS);
      await log('info', 'Tool execution completed');
      return text('logged three messages');
    },
  },
  {
    definition: {
      name: 'test_logging_tool',
      description: 'Logs one message, if the client wants any.',
      inputSchema: objectSchema(),
    },
    run: async (_args, { log }) => {
      await log('info', 'one message');
      return text('logged one message');
    },
  },
  {
    definition: {
      name: 'test_tool_with_progress',
      description: 'Reports progress three times.',
      inputSchema: objectSchema(),
    },
    run: async (_args, { progress }) => {
      await progress(0, 100);
      await sleep(STEP_MS);
      await progress(50, 100);
      await sleep(STEP_MS);
      await progress(100, 100);
      // The v1 client forgets who listens when a result comes right behind.
      await sleep(STEP_MS);
      return text('reported progress');
    },
  },
  {
    definition: {
      name: 'test_cancellation',
      description: 'Runs until it is cancelled, for at most 30 seconds.',
      inputSchema: objectSchema(),
    },
    run: async (_args, { signal, world }) => {
      try {
        await sleep(30_000, undefined, { signal });
      } catch (error) {
        world.cancelled.push('test_cancellation');
        throw error;
      }
      return text('nobody cancelled');
    },
  },
  {
    since: '2025-11-25',
    definition: {
      name: 'test_reconnection',
      description: 'Drops its event stream and answers on the one that resumes it.',
      inputSchema: objectSchema(),
    },
    run: async (_args, { dropStream }) => {
      await sleep(STEP_MS);
      dropStream();
      await sleep(2 * STEP_MS);
      return text('answered after the stream was dropped');
    },
  },
  {
    definition: {
      name: 'test_trigger_tool_change',
      description: 'Changes the list of tools.',
      inputSchema: objectSchema(),
    },
    run: async (_args, { world }) => {
      world.changes.tools++;
      world.announce('tools');
      return text(`tools changed ${world.changes.tools} times`);
    },
  },
  {
    definition: {
      name: 'test_trigger_prompt_change',
      description: 'Changes the list of prompts.',
      inputSchema: objectSchema(),
    },
    run: async (_args, { world }) => {
      world.changes.prompts++;
      world.announce('prompts');
      return text(`prompts changed ${world.changes.prompts} times`);
    },
  },
  {
    definition: {
      name: 'test_trigger_resource_change',
      description: 'Changes the list of resources.',
      inputSchema: objectSchema(),
    },
    run: async (_args, { world }) => {
      world.changes.resources++;
      world.announce('resources');
      return text(`resources changed ${world.changes.resources} times`);
    },
  },
  {
    definition: {
      name: 'test_trigger_resource_update',
      description: 'Says that a resource has new contents.',
      inputSchema: objectSchema({ uri: { type: 'string' } }, ['uri']),
    },
    run: async ({ uri }, { world }) => {
      world.announce({ uri: String(uri) });
      return text(`updated ${String(uri)}`);
    },
  },
];
