import { ConducktorError } from '@conducktor/contracts';
import { hash, verify, type Options } from '@node-rs/argon2';

// argon2id (the library's default) with OWASP's parameters: 19 MiB, two passes, one lane.
const PARAMETERS: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const AT_ONCE = 2;
const WAITING = 64;

/** Who goes first when many wait: strangers only after everybody who was here before. */
export type Turn = 'known' | 'stranger';

export interface Passwords {
  /** `turn` as for `verify`: anybody may ask for accounts. */
  hash(password: string, turn?: Turn): Promise<string>;
  /** Takes the same time with no hash at all, so that an unknown account cannot be told by the clock. */
  verify(passwordHash: string | undefined, password: string, turn?: Turn): Promise<boolean>;
}

/**
 * argon2id (RFC 9106), a few at a time: each takes 19 MiB and a core for tens of milliseconds. More
 * than 64 strangers waiting are refused with `rate_limited`, and so are more than 64 others.
 */
export function createPasswords(): Passwords {
  const inTurn = createTurns(AT_ONCE, WAITING);
  let decoy: Promise<string> | undefined;
  return {
    hash: (password, turn = 'known') => inTurn(turn, () => hash(password, PARAMETERS)),
    async verify(passwordHash, password, turn = 'known') {
      decoy ??= hash('no account has this password', PARAMETERS);
      const against = passwordHash ?? (await decoy);
      const matches = await inTurn(turn, () => verify(against, password));
      return matches && passwordHash !== undefined;
    },
  };
}

function createTurns(atOnce: number, waiting: number) {
  let free = atOnce;
  const lines: Record<Turn, (() => void)[]> = { known: [], stranger: [] };
  return async <Result>(turn: Turn, work: () => Promise<Result>): Promise<Result> => {
    if (free > 0) free--;
    else {
      if (lines[turn].length >= waiting) {
        throw new ConducktorError(
          'rate_limited',
          'Too many people are signing in right now. Try again in a minute.',
        );
      }
      await new Promise<void>((resolve) => lines[turn].push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = lines.known.shift() ?? lines.stranger.shift();
      if (next) next();
      else free++;
    }
  };
}
