import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';

/** A revision for which the suite says what it requires. */
export type Requirements = '2025-11-25' | '2026-07-28';

const require = createRequire(import.meta.url);
export const SUITE = require.resolve('@modelcontextprotocol/conformance/dist/index.js');

interface RequirementFile {
  server: string[];
  not_scored: { scenario: string; leg: 'client' | 'server'; reason: string }[];
}

/**
 * The server scenarios of a requirement set, in its order: those that are required, and those that
 * are run without a score, but for extensions of the protocol.
 */
export function scenariosOf(revision: Requirements): string[] {
  const { server, not_scored: notScored } = read(revision);
  const unscored = notScored.filter(
    ({ leg, reason }) => leg === 'server' && reason !== 'extension',
  );
  return [...server, ...unscored.map(({ scenario }) => scenario)];
}

/** The server scenarios of the tasks extension, which the suite runs without a score. */
export function taskScenarios(): string[] {
  return read('2026-07-28')
    .not_scored.filter(({ leg, reason }) => leg === 'server' && reason === 'extension')
    .map(({ scenario }) => scenario)
    .filter((scenario) => scenario.startsWith('tasks-'));
}

function read(revision: Requirements): RequirementFile {
  const file = join(dirname(SUITE), '../requirements', `${revision}.yaml`);
  return parse(readFileSync(file, 'utf8')) as RequirementFile;
}
