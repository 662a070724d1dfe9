import { setTimeout as sleep } from 'node:timers/promises';

/** What a fixture tool may do while it runs. */
export interface ToolRun {
  progress(progress: number, total: number, message: string): void;
  /** Aborted when the caller closes the connection or sends notifications/cancelled. */
  signal: AbortSignal;
}

export interface FixtureTool {
  definition: Record<string, unknown> & { name: string };
  /** A CallToolResult; a thrown RpcError becomes a JSON-RPC error. */
  run(args: Record<string, unknown>, run: ToolRun): Promise<Record<string, unknown>>;
}

export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
  }
}

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });
const object = (properties: Record<string, unknown>, required: string[] = []) => ({
  type: 'object',
  properties,
  required,
});
const string = { type: 'string' };

// One pixel and 44 bytes of silence: the smallest honest image and audio.
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=';

/** One tool for each thing that a gateway has to carry or refuse. */
export const FIXTURE_TOOLS: FixtureTool[] = [
  {
    definition: {
      name: 'echo',
      description: 'Returns its message.',
      inputSchema: object({ message: string, amount: { type: 'integer' } }, ['message']),
      annotations: { readOnlyHint: true },
    },
    run: async (args) => text(String(args.message)),
  },
  {
    definition: {
      name: 'add_note',
      description: 'Writes a note.',
      inputSchema: object({ note: string }, ['note']),
      annotations: { readOnlyHint: false, destructiveHint: false },
    },
    run: async (args) => text(`noted ${String(args.note)}`),
  },
  {
    definition: {
      name: 'delete_note',
      description: 'Deletes a note for good.',
      inputSchema: object({ note: string }, ['note']),
      annotations: { readOnlyHint: false, destructiveHint: true },
    },
    run: async (args) => text(`deleted ${String(args.note)}`),
  },
  {
    definition: {
      name: 'fail',
      description: 'Answers with an error result.',
      inputSchema: object({}),
      annotations: { readOnlyHint: true },
    },
    run: async () => ({ ...text('the service says no'), isError: true }),
  },
  {
    definition: {
      name: 'boom',
      description: 'Answers with a JSON-RPC error.',
      inputSchema: object({}),
      annotations: { readOnlyHint: true },
    },
    run: async () => {
      throw new RpcError(-32050, 'the service broke', { ticket: 7 });
    },
  },
  {
    definition: {
      name: 'slow',
      description: 'Answers after some milliseconds.',
      inputSchema: object({ ms: { type: 'integer', minimum: 0, maximum: 60_000 } }, ['ms']),
      annotations: { readOnlyHint: true },
    },
    run: async (args, { signal }) => {
      await sleep(Number(args.ms), undefined, { signal });
      return text(`waited ${String(args.ms)} ms`);
    },
  },
  {
    definition: {
      name: 'count',
      description: 'Counts to a number and reports progress.',
      inputSchema: object({ to: { type: 'integer', minimum: 1, maximum: 100 } }, ['to']),
      annotations: { readOnlyHint: true },
    },
    run: async (args, { progress }) => {
      const to = Number(args.to);
      for (let i = 1; i <= to; i++) {
        progress(i, to, `counted ${i}`);
        // Slower than a gateway that thins progress out.
        await sleep(60);
      }
      return text(`counted to ${to}`);
    },
  },
  {
    definition: {
      name: 'everything',
      description: 'Returns every kind of content.',
      inputSchema: object({}),
      annotations: { readOnlyHint: true },
    },
    run: async () => ({
      content: [
        { type: 'text', text: 'words' },
        { type: 'image', data: PNG, mimeType: 'image/png' },
        { type: 'audio', data: WAV, mimeType: 'audio/wav' },
        { type: 'resource_link', uri: 'note://1', name: 'note 1', mimeType: 'text/plain' },
        { type: 'resource', resource: { uri: 'note://2', mimeType: 'text/plain', text: 'inside' } },
      ],
    }),
  },
  {
    definition: {
      name: 'weather',
      description: 'Returns structured content.',
      inputSchema: object({ city: string }, ['city']),
      outputSchema: object({ city: string, celsius: { type: 'number' } }, ['city', 'celsius']),
      annotations: { readOnlyHint: true },
    },
    run: async (args) => {
      const structuredContent = { city: String(args.city), celsius: 21.5 };
      return { ...text(JSON.stringify(structuredContent)), structuredContent };
    },
  },
];
