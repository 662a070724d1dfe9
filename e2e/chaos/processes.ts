import { readdirSync, readFileSync } from 'node:fs';
import type { Installation, Part } from './installation.ts';

/** The processes of one part: Postgres has many, its postmaster first. */
export function processesOf(of: Installation, part: Part): number[] {
  const pid = of.units.get(part)?.view.pid;
  if (!pid) return [];
  return part === 'postgres' ? [pid, ...childrenOf(pid)] : [pid];
}

/** Backends that serve a service, as their titles say: never a process of Postgres' own. */
export function backendsOf(of: Installation): number[] {
  const pid = of.units.get('postgres')?.view.pid;
  return pid ? childrenOf(pid).filter((child) => /127\.0\.0\.1\(\d+\)/.test(titleOf(child))) : [];
}

export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        // The name in parentheses may hold anything; state and parent follow the last one.
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}

function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
