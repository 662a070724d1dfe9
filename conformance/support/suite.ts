import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

/** By scenario. */
export type SuiteRun = Map<string, Check[]>;

// A set takes seconds; a scenario that hangs ends after the suite's own 30.
const TIMEOUT_MS = 110_000;

/**
 * Runs the suite's server scenarios of one requirement set against a URL, in a process of its own.
 * With CONFORMANCE_OUT, what the suite wrote stays in that directory under `name`.
 */
export function runSuite(url: string, requirements: Requirements, name: string): Promise<SuiteRun> {
  return runServer(url, ['--requirements', requirements], name);
}

/** One scenario by its name, also of an extension; `undefined` when it wrote no checks. */
export async function runScenario(url: string, scenario: string): Promise<Check[] | undefined> {
  const checks = await runServer(url, ['--scenario', scenario], scenario);
  return checks.get(scenario);
}

async function runServer(url: string, what: string[], name: string): Promise<SuiteRun> {
  const kept = process.env['CONFORMANCE_OUT'];
  const directory = kept
    ? join(kept, name)
    : mkdtempSync(join(tmpdir(), 'conducktor-conformance-'));
  try {
    mkdirSync(directory, { recursive: true });
    const args = [SUITE, 'server', '--url', url, ...what, '-o', directory];
    const { code, output } = await run(args);
    const checks = readChecks(directory);
    if (checks.size === 0) throw new Error(`The suite ended with ${code}:\n${output}`);
    return checks;
  } finally {
    if (!kept) rmSync(directory, { recursive: true, force: true });
  }
}

function run(args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

function readChecks(directory: string): SuiteRun {
  const checks: SuiteRun = new Map();
  for (const name of readdirSync(directory)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(name)?.[1];
    const file = join(directory, name, 'checks.json');
    // A scenario that threw has a directory and no checks.
    if (scenario === undefined || !existsSync(file)) continue;
    checks.set(scenario, JSON.parse(readFileSync(file, 'utf8')) as Check[]);
  }
  return checks;
}
