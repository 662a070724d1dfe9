import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY } from './stack/layout.js';

export interface StackOptions {
  /** Absolute. */
  data: string;
  portBase: number;
  /** Origin without trailing slash. */
  publicUrl: string;
  detach: boolean;
  json: boolean;
  watch: boolean;
  /** `keys rotate --now` */
  now: boolean;
  /** Of `policy`: which Conducktor, over how many days, with whose tools, about which call. */
  url?: string;
  days: number;
  stack: boolean;
  tool?: string;
  member?: string;
  args?: string;
  event?: string;
  /** What stands beside the options: a file, or what to do. */
  words: string[];
}

/** The command line cannot be used; the message is one sentence. */
export class UsageError extends Error {}

/** Reads the options of every verb. `words` is how many others it takes. */
export function readOptions(
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
  words = 0,
): StackOptions {
  const { values, positionals } = parse(args);
  if (positionals.length > words) {
    throw new UsageError(`"${positionals[words]}" is one word too many here.`);
  }
  const portBase = Number(values['port-base'] ?? 8080);
  if (!Number.isInteger(portBase) || portBase < 1024 || portBase > 65_000) {
    throw new UsageError(
      '--port-base must be a whole number between 1024 and 65000; that port and the twelve above it are used.',
    );
  }
  // npm changes into the repository; a path was typed where the person stood.
  const cwd = env['INIT_CWD'] ?? process.cwd();
  return {
    data: values.data ? resolve(cwd, values.data) : resolve(REPOSITORY, '.conducktor'),
    portBase,
    publicUrl: originOf(
      '--public-url',
      values['public-url'] ?? env['PUBLIC_URL'] ?? `http://localhost:${portBase}`,
    ),
    detach: values.detach ?? false,
    json: values.json ?? false,
    watch: values.watch ?? false,
    now: values.now ?? false,
    days: daysOf(values.days),
    stack: values.stack ?? false,
    ...(values.url !== undefined && { url: originOf('--url', values.url) }),
    ...(values.tool !== undefined && { tool: values.tool }),
    ...(values.member !== undefined && { member: values.member }),
    ...(values.args !== undefined && { args: values.args }),
    ...(values.event !== undefined && { event: values.event }),
    words: positionals,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        data: { type: 'string' },
        'port-base': { type: 'string' },
        'public-url': { type: 'string' },
        detach: { type: 'boolean' },
        json: { type: 'boolean' },
        watch: { type: 'boolean' },
        now: { type: 'boolean' },
        url: { type: 'string' },
        days: { type: 'string' },
        stack: { type: 'boolean' },
        tool: { type: 'string' },
        member: { type: 'string' },
        args: { type: 'string' },
        event: { type: 'string' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(
      `${(error as Error).message.split('. ')[0]}; there are --data DIR, --port-base N, --public-url URL, --detach and --json.`,
    );
  }
}

function daysOf(text = '7'): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 90)
    throw new UsageError('--days must be a whole number between 1 and 90.');
  return days;
}

function originOf(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search) {
    throw new UsageError(
      `${option} must be an address without a path, such as https://mcp.example.com; this was ${text}.`,
    );
  }
  return url.origin;
}
