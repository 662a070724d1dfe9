import { readdirSync, readFileSync } from 'node:fs';

// /proc counts in ticks of 10 ms on every Linux that Node runs on.
const TICK_US = 10_000;

/**
 * Processor time (µs, user and system) of every process below `root` so far, summed by what it is:
 * a script's or service's name, `postgres`, `redis`. Linux only; empty elsewhere.
 */
export function processorTimes(root = process.pid) {
  const processes = new Map();
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = read(`/proc/${pid}/stat`);
    if (stat === '') continue;
    // The name in brackets may hold blanks; the fields after it do not.
    const [, parent, , , , , , , , , , user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ');
    processes.set(Number(pid), {
      parent: Number(parent),
      us: (Number(user) + Number(system)) * TICK_US,
      name: nameOf(read(`/proc/${pid}/cmdline`)),
    });
  }
  const sums = {};
  for (const [pid, { us, name }] of processes) {
    if (pid !== root && isBelow(root, pid, processes)) sums[name] = (sums[name] ?? 0) + us;
  }
  return sums;
}

function isBelow(root, pid, processes) {
  for (let at = pid; at > 1; at = processes.get(at)?.parent ?? 0) if (at === root) return true;
  return false;
}

function nameOf(commandLine) {
  const service = /apps\/([\w-]+)\/dist\/main\.js/.exec(commandLine)?.[1];
  const script = /bench\/(?:servers\/)?([\w-]+)\.mjs/.exec(commandLine)?.[1];
  // Postgres shows in its title whom a process serves, or which of its own it is.
  const backend = /^postgres: (\w+)/.exec(commandLine)?.[1];
  if (backend) return `postgres for ${backend.replace('conducktor_', '')}`;
  if (/postgres/.test(commandLine) && !service && !script) return 'postgres';
  if (/redis|valkey/.test(commandLine) && !service && !script) return 'redis';
  return service ?? script ?? 'other';
}

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
