import { EmbeddedError } from '@conducktor/embedded';
import { UsageError, type StackOptions } from '../options.js';
import { filesOf } from '../stack/layout.js';
import { lockHolder } from '../stack/lock.js';
import { readState } from '../stack/state.js';

const SILENT_MS = 60_000;
/** Of who starts again or stands in front of it meanwhile. */
const PASSING: ReadonlySet<number | undefined> = new Set([undefined, 429, 502, 503, 504]);

/** An answer that is none, or no answer. The message is for people, with the code of docs/errors.md. */
export class ApiError extends EmbeddedError {
  constructor(
    message: string,
    /** Absent: nobody answered. */
    private readonly status?: number,
    /** The problem document. */
    readonly problem: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** It may be otherwise in a moment. */
  get isPassing(): boolean {
    return PASSING.has(this.status);
  }
}

/** Calls the REST API; throws ApiError with the words of the problem document. */
export type Api = <Body>(method: string, path: string, body?: unknown) => Promise<Body>;

/**
 * The REST API of a running Conducktor: the one at `--url`, or the one in the data directory. The key is
 * taken from CONDUCKTOR_API_KEY and never from the command line, where others of the machine see it; the
 * demo's own stack needs none.
 */
export function openApi(options: StackOptions, env: NodeJS.ProcessEnv): Api {
  const files = filesOf(options.data);
  const state =
    options.url === undefined && lockHolder(files.lock) !== undefined
      ? readState(files.state)
      : undefined;
  const origin = options.url ?? state?.publicUrl;
  if (origin === undefined)
    throw new EmbeddedError(
      `No Conducktor runs in ${options.data}. Start it with "npm start", or name another with --url.`,
    );
  const key = env['CONDUCKTOR_API_KEY'] ?? state?.demo?.apiKey;
  if (key === undefined)
    throw new UsageError('Set CONDUCKTOR_API_KEY to an API key with the scope "admin".');
  return createApi(origin, key);
}

function createApi(origin: string, key: string): Api {
  return async <Body>(method: string, path: string, body?: unknown): Promise<Body> => {
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(SILENT_MS),
    }).catch((error: Error) => {
      throw new ApiError(`${origin} cannot be reached: ${reasonOf(error)}`);
    });
    const text = await response.text();
    if (!response.ok) throw refusalOf(text, response.status);
    return (text === '' ? undefined : parsed(text, response.status)) as Body;
  };
}

const reasonOf = ({ message, cause }: Error) => (cause instanceof Error ? cause.message : message);

function refusalOf(text: string, status: number): ApiError {
  const problem = parsed(text, status) as { detail?: string; code?: string };
  const { detail, code } = problem;
  return detail === undefined
    ? notOurs(text, status)
    : new ApiError(code === undefined ? detail : `${detail} (${code})`, status, problem);
}

function parsed(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notOurs(text, status);
  }
}

/** Something in front of Conducktor answered, or something that is none. */
const notOurs = (text: string, status: number) =>
  new ApiError(`The answer was ${status}: ${text.slice(0, 200)}`, status);
