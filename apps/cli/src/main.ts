import { ConducktorError } from '@conducktor/contracts';
import { EmbeddedError } from '@conducktor/embedded';
import { UsageError, readOptions, type StackOptions } from './options.js';

const USAGE = `conducktor up      start everything on this machine and show it at work
           --data DIR        where it keeps its data (.conducktor)
           --port-base N     the first of its ports (8080)
           --public-url URL  the address that clients know, for example of a tunnel
           --detach          return once it is ready
conducktor down    stop it                        --data DIR
conducktor status  say how it is                  --data DIR --json
conducktor restart [SERVICE]  restart one service, or all in turn, without losing a call  --data DIR
conducktor keys    list the keys that sign tokens, or keys rotate   --data DIR --json
           --now             with rotate: a key is in wrong hands, none is good any more
conducktor policy test FILE      run the tests that stand in a policy                --json
           --stack           with the tools of the Conducktor that runs here, or --url URL
conducktor policy simulate FILE  try it on recorded calls  --days N (7) --data DIR --url URL --json
           --tool NAME --member ADDRESS of which calls; Ctrl-C stops it
conducktor policy explain [FILE] tell why it decides a call so; no file: the active one
           --tool NAME --member ADDRESS --args JSON, or --event ID of a recorded call
conducktor backup FILE   write everything it holds to one file, running or not   --data DIR
conducktor restore FILE  make a new data directory from such a file              --data DIR
`;

type Verb = (options: StackOptions) => Promise<number | void>;

// Loaded when called for: `status` is asked often and needs little.
const VERBS: Record<string, () => Promise<Verb>> = {
  up: async () => (await import('./up.js')).up,
  dev: async () => (await import('./dev.js')).dev,
  down: async () => (await import('./down.js')).down,
  status: async () => (await import('./status.js')).status,
  backup: async () => (await import('./backup/backup.js')).backup,
  restore: async () => (await import('./backup/restore.js')).restore,
  keys: async () => (await import('./keys.js')).keys,
  policy: async () => (await import('./policy/policy.js')).policy,
  restart: async () => (await import('./restart.js')).restart,
  supervise: async () => (await import('./stack/supervise.js')).supervise,
};

/** How many words besides options a verb takes. */
const WORDS: Record<string, number> = { backup: 1, restore: 1, keys: 1, policy: 2, restart: 1 };

const [verb = '', ...args] = process.argv.slice(2);
try {
  const load = VERBS[verb];
  if (!load) throw new UsageError(USAGE);
  const status = await (await load())(readOptions(args, process.env, WORDS[verb]));
  // A supervisor goes on; everything else has said what it had to say.
  if (verb !== 'supervise') process.exit(status ?? 0);
} catch (error) {
  if (
    !(error instanceof EmbeddedError) &&
    !(error instanceof UsageError) &&
    !(error instanceof ConducktorError)
  )
    throw error;
  process.stderr.write(`${error.message.trimEnd()}\n`);
  process.exit(error instanceof UsageError ? 64 : 1);
}
