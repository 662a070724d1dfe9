import { readFile } from 'node:fs/promises';

/**
 * Resident memory of a process and all below it, in MB; undefined where /proc does not tell. Shared
 * pages count once for each process, so the figure is rather too high than too low.
 */
export async function residentMb(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  let kilobytes = 0;
  const below = [pid];
  for (let i = 0; i < below.length && i < 500; i++) {
    const [status, children] = await Promise.all([
      readFile(`/proc/${below[i]}/status`, 'utf8').catch(() => ''),
      readFile(`/proc/${below[i]}/task/${below[i]}/children`, 'utf8').catch(() => ''),
    ]);
    kilobytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    below.push(...children.split(' ').filter(Boolean).map(Number));
  }
  return kilobytes / 1024;
}
