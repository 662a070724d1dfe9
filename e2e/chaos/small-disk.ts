import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';

/** A tmpfs that can be filled to its last byte and given its room back. */
export interface SmallDisk {
  readonly dir: string;
  fill(): void;
  free(): void;
  unmount(): void;
}

const SIZE_MB = 4_096;

/** Mounts one at `dir`; undefined where this process may not, which is told to `say`. */
export function mountSmallDisk(
  dir: string,
  say: (sentence: string) => void,
): SmallDisk | undefined {
  const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'pipe' });
  const resize = (kb: number) => mount('-o', `remount,size=${kb}k`, dir);
  try {
    mkdirSync(dir, { recursive: true });
    mount('-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0711`, 'conducktor-chaos', dir);
  } catch (error) {
    say(`full disk: skipped, a tmpfs cannot be mounted here (${(error as Error).message.trim()})`);
    return undefined;
  }
  return {
    dir,
    fill: () => {
      // It goes on being written to while it is measured: whoever is late asks again.
      for (let attempt = 0; ; attempt++) {
        const { blocks, bfree, bsize } = statfsSync(dir);
        try {
          return void resize(Math.ceil(((blocks - bfree) * bsize) / 1024) + 64 * attempt);
        } catch (error) {
          if (attempt > 50) throw error;
        }
      }
    },
    free: () => void resize(SIZE_MB * 1024),
    unmount: () => void execFileSync('umount', ['-l', dir], { stdio: 'pipe' }),
  };
}
