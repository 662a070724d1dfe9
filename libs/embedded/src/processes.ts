import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A running process; `started` tells it from a later one with the same pid. */
export interface RunningProcess {
  pid: number;
  command: string;
  started: string;
}

/**
 * Describes a running process, or undefined when there is none with this pid (a zombie has ended).
 * Reads /proc where there is one: minimal Debian images have no `ps`.
 */
export function runningProcess(pid: number): RunningProcess | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

function fromProc(pid: number): RunningProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold spaces and brackets itself; state is the field after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return { pid, command, started: fields[19] as string };
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): RunningProcess | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=,command=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const match = /^\s*(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(line);
    if (!match || match[1]?.startsWith('Z')) return undefined;
    return { pid, command: match[3] as string, started: match[2] as string };
  } catch {
    return undefined;
  }
}
