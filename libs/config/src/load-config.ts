import type { z } from 'zod';
import { ENV_SCHEMAS } from './schemas.js';
import { sampleSecret } from './sample-secrets.js';

/** The environment cannot be used; the message is one sentence that never holds a value. */
export class ConfigError extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'ConfigError';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

// Names that are ours alone: one that no service knows is a misspelling, and would be ignored silently.
const OUR_PREFIXES = ['DCR_', 'OUTBOUND_', 'STDIO_', 'OAUTH_REDIRECT_'];

// Older names of the same thing.
const ALIASES: Record<string, string> = {
  MCP_CLIENT_ID: 'OAUTH_CLIENT_ID',
  MCP_CLIENT_SECRET: 'OAUTH_CLIENT_SECRET',
};

/**
 * Reads a service's configuration. An empty variable counts as left out.
 * @throws ConfigError for a value that is missing or unusable, for a misspelt name, and outside
 * ENVIRONMENT=embedded for a sample or default secret.
 */
export function loadConfig<Schema extends z.ZodObject>(
  schema: Schema,
  env: Environment = process.env,
): z.output<Schema> {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '') continue;
    const meant = ALIASES[name] ?? name;
    if (meant === name || !env[meant]) given[meant] = value;
  }
  refuseUnknownNames(given);
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const name = String(issue.path[0]);
    throw new ConfigError(
      given[name] === undefined
        ? `${name} is not set (${meaningOf(schema, name)}).`
        : `${name} ${problem(issue)}.`,
    );
  }
  if (given['ENVIRONMENT'] !== 'embedded') {
    const name = sampleSecret(given, Object.keys(schema.shape));
    if (name)
      throw new ConfigError(
        `${name} is a sample or default secret; make one of your own, for example with "openssl rand -base64 32 | tr '+/' '-_'".`,
      );
  }
  return parsed.data;
}

/** `loadConfig` for the start of a process: prints the sentence and ends with status 78 (EX_CONFIG). */
export function loadConfigOrExit<Schema extends z.ZodObject>(
  schema: Schema,
  env: Environment = process.env,
): z.output<Schema> {
  try {
    return loadConfig(schema, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(78);
  }
}

function refuseUnknownNames(given: Record<string, string>): void {
  const known = new Set(Object.values(ENV_SCHEMAS).flatMap((schema) => Object.keys(schema.shape)));
  const unknown = Object.keys(given).find(
    (name) => !known.has(name) && OUR_PREFIXES.some((prefix) => name.startsWith(prefix)),
  );
  if (!unknown) return;
  const prefix = OUR_PREFIXES.find((candidate) => unknown.startsWith(candidate))!;
  const similar = [...known].filter((name) => name.startsWith(prefix)).join(', ');
  throw new ConfigError(`${unknown} is not a variable of Conducktor; did you mean ${similar}?`);
}

function meaningOf(schema: z.ZodObject, name: string): string {
  return (schema.shape[name] as z.ZodType | undefined)?.description ?? 'it is required';
}

function problem(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  return issue.message;
}
