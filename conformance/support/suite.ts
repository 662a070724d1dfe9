import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUITE, type Requirements } from './requirements.js';

/** One check of a scenario as the suite writes it down. */
export interface Check {
  id: string;
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  description: string;
  errorMessage?: string;
  details?: unknown;
}

export interface SuiteRun {
  /** By scenario. */
  checks: Map<string, Check[]>;
  /** What the suite printed, for when a scenario is missing. */
  output: string;
}

// A set takes seconds; a scenario that hangs ends after the suite's own 30.
const TIMEOUT_MS = 110_000;

/** Runs the suite's server scenarios of one requirement set against a URL, in a process of its own. */
export async function runSuite(url: string, requirements: Requirements): Promise<SuiteRun> {
  const directory = mkdtempSync(join(tmpdir(), 'conducktor-conformance-'));
  try {
    const args = [SUITE, 'server', '--url', url, '--requirements', requirements, '-o', directory];
    const output = await new Promise<string>((resolve) => {
      const child = spawn(process.execPath, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: TIMEOUT_MS,
      });
      let printed = '';
      child.stdout.on('data', (chunk) => (printed += String(chunk)));
      child.stderr.on('data', (chunk) => (printed += String(chunk)));
      child.on('close', () => resolve(printed));
    });
    return { checks: readChecks(directory), output };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function readChecks(directory: string): Map<string, Check[]> {
  const checks = new Map<string, Check[]>();
  for (const name of readdirSync(directory)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(name)?.[1];
    if (scenario === undefined) continue;
    const file = readFileSync(join(directory, name, 'checks.json'), 'utf8');
    checks.set(scenario, JSON.parse(file) as Check[]);
  }
  return checks;
}
