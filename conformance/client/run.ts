import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { SUITE, type Requirements } from '../support/requirements.ts';
import type { Check, SuiteRun } from '../support/suite.ts';
import { startPlayer } from './player.ts';

const TIMEOUT_MS = 60_000;
/** The suite gives it to a shell. Extensions are in its sets too; there is nothing to start for them. */
const COMMAND =
  'case $MCP_CONFORMANCE_SCENARIO in auth/client-credentials*|auth/dpop*|auth/wif*|auth/enterprise*) exit 2;; esac; exec node client.ts';

/** The client scenarios of a requirement set that are not about an extension. */
export function clientScenariosOf(revision: Requirements): string[] {
  const file = join(dirname(SUITE), '../requirements', `${revision}.yaml`);
  const { client, not_scored: notScored } = parse(readFileSync(file, 'utf8')) as {
    client: string[];
    not_scored: { scenario: string; leg: string; reason: string }[];
  };
  const unscored = notScored
    .filter(({ leg, reason }) => leg === 'client' && reason !== 'extension')
    .map(({ scenario }) => scenario);
  return [...client, ...unscored];
}

/**
 * Lets the suite start its server and our client for each scenario of a selection, such as
 * `--requirements 2026-07-28` or `--scenario auth/basic-cimd`.
 */
export async function runClientSuite(...selection: string[]): Promise<SuiteRun> {
  const directory = mkdtempSync(join(tmpdir(), 'conducktor-conformance-'));
  const socket = join(directory, 'player');
  const player = await startPlayer(socket);
  try {
    const command = ['client', '--command', COMMAND, ...selection, '-o', directory];
    const output = await run(command, socket);
    const checks = readChecks(directory);
    if (checks.size === 0) throw new Error(`The suite wrote nothing:\n${output}`);
    return checks;
  } finally {
    await player.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function run(args: string[], player: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SUITE, ...args], {
      // Commands are split at spaces, so neither this folder nor the path of node may be part of one.
      cwd: join(import.meta.dirname, '..'),
      env: {
        ...process.env,
        CONFORMANCE_PLAYER: player,
        PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}

function readChecks(directory: string): SuiteRun {
  const checks: SuiteRun = new Map();
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const scenario = /^(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(name)?.[1];
    const file = join(directory, name, 'checks.json');
    if (scenario !== undefined && existsSync(file))
      checks.set(scenario, JSON.parse(readFileSync(file, 'utf8')) as Check[]);
  }
  return checks;
}
