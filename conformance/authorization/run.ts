import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SUITE } from '../support/requirements.js';
import type { Check, SuiteRun } from '../support/suite.js';

// It waits five minutes for a person; ours needs no second.
const TIMEOUT_MS = 45_000;

export const AUTHORIZATION_SCENARIOS = [
  'authorization-server-metadata-endpoint',
  'authorization-code-grant',
] as const;

export interface AuthorizationRun {
  issuer: string;
  clientId: string;
  /** Of the suite's own server, which is answered at http://127.0.0.1:<port>/callback. */
  port: number;
  resource: string;
  /** The person: opens what the suite prints, and returns where the browser was sent at the end. */
  signIn(url: string): Promise<URL>;
}

/**
 * Runs the suite's scenarios for authorization servers, in a process of its own. It prints an address to
 * be opened in a browser and waits at its callback.
 */
export async function runAuthorizationSuite(options: AuthorizationRun): Promise<SuiteRun> {
  const directory = mkdtempSync(join(tmpdir(), 'conducktor-conformance-'));
  const args = [
    SUITE,
    'authorization',
    `--url=${options.issuer}`,
    `--client-id=${options.clientId}`,
    `--port=${options.port}`,
    `--resource=${options.resource}`,
    `--output-dir=${directory}`,
  ];
  try {
    const output = await walk(args, options);
    const checks = readChecks(directory);
    if (checks.size === 0) throw new Error(`The suite wrote no checks:\n${output}`);
    return checks;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function walk(args: string[], { issuer, signIn }: AuthorizationRun): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    const giveUp = (error: unknown) => {
      child.kill();
      reject(error as Error);
    };
    let output = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      output += `${line}\n`;
      if (!line.startsWith(`${issuer}/`)) return;
      // The answer ends at the suite's own callback, which it is waiting at.
      signIn(line.trim())
        .then((callback) => fetch(callback))
        .then((response) => response.text())
        .catch(giveUp);
    });
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    child.on('error', giveUp);
    child.on('close', () => resolve(output));
  });
}

function readChecks(directory: string): SuiteRun {
  const checks: SuiteRun = new Map();
  for (const name of readdirSync(directory)) {
    const scenario = /^authorization-server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(name)?.[1];
    const file = join(directory, name, 'checks.json');
    if (scenario === undefined || !existsSync(file)) continue;
    checks.set(scenario, JSON.parse(readFileSync(file, 'utf8')) as Check[]);
  }
  return checks;
}
