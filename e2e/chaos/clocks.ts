import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasApt, unpackDebian } from '@conducktor/embedded';
import type { Service } from './installation.ts';

/** Wall clocks of single services that can be set; the machine's own is never touched. */
export interface Clocks {
  envOf(service: Service): Record<string, string>;
  /** Seconds that the service is to be away from the true time. */
  set(service: Service, seconds: number): void;
}

/** By libfaketime, a Debian package, unpacked into `dir`; undefined where it cannot be had. */
export async function openClocks(
  dir: string,
  say: (sentence: string) => void,
): Promise<Clocks | undefined> {
  let library: string | undefined;
  try {
    if (!(await hasApt())) throw new Error('there is no apt');
    library = findLibrary(await unpackDebian(['libfaketime'], join(dir, 'libfaketime')));
    if (!library) throw new Error('the package holds no library for threads');
  } catch (error) {
    say(`clock jump: skipped, libfaketime cannot be had (${(error as Error).message})`);
    return undefined;
  }
  const stamps = join(dir, 'clocks');
  mkdirSync(stamps, { recursive: true });
  const stamp = (service: Service) => join(stamps, service);
  const set = (service: Service, seconds: number) =>
    writeFileSync(stamp(service), `${seconds < 0 ? '' : '+'}${seconds}s\n`);
  return {
    envOf: (service) => {
      if (!existsSync(stamp(service))) set(service, 0);
      return {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: stamp(service),
        FAKETIME_CACHE_DURATION: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      };
    },
    set,
  };
}

function findLibrary(dir: string): string | undefined {
  const found = readdirSync(dir, { recursive: true, encoding: 'utf8' }).find((path) =>
    path.endsWith('libfaketimeMT.so.1'),
  );
  return found && join(dir, found);
}
