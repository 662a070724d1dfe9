import { existsSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { type LoadedConnection, UpstreamFailure } from '../connector.js';
import type { CatalogueEntry } from './catalogue.js';

/** What to run for one connection: complete, and never read by a shell. */
export interface LaunchPlan {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
  readOnlyPaths: string[];
  writablePaths: string[];
  network: boolean;
  memoryMb: number;
}

const MAX_ARGS = 32;
const MAX_ARG_LENGTH = 4096;

/**
 * Puts the operator's entry and the connection's own arguments and variables together. The
 * environment holds nothing of the worker's. Throws UpstreamFailure for what the entry does not allow.
 */
export function planLaunch(
  entry: CatalogueEntry,
  connection: LoadedConnection,
  stateDir: string,
): LaunchPlan {
  const fill = (text: string): string => text.replaceAll('{state}', stateDir);
  const args = [...entry.args.map(fill), ...ownArgs(entry, connection)];
  const isNode = entry.command === 'node';
  const command = isNode ? process.execPath : entry.command;
  return {
    command,
    args,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: stateDir,
      TMPDIR: '/tmp',
      LANG: 'C.UTF-8',
      ...Object.fromEntries(Object.entries(entry.env).map(([name, value]) => [name, fill(value)])),
      ...ownEnv(entry, connection),
    },
    cwd: stateDir,
    readOnlyPaths: [
      ...programPaths(command, isNode ? args[0] : undefined),
      ...entry.readOnlyPaths.map(fill),
    ],
    writablePaths: [stateDir, ...entry.writablePaths.map(fill)],
    network: entry.network,
    memoryMb: entry.memoryMb,
  };
}

function ownArgs(entry: CatalogueEntry, { args }: LoadedConnection): readonly string[] {
  if (args.length === 0) return args;
  if (!entry.acceptsArgs)
    throw new UpstreamFailure('configuration', 'This server takes no arguments from a connection.');
  if (args.length > MAX_ARGS)
    throw new UpstreamFailure(
      'configuration',
      `A connection may give at most ${MAX_ARGS} arguments.`,
    );
  for (const arg of args) {
    // An option could make the program do something else entirely (node --eval, for one).
    if (arg.startsWith('-'))
      throw new UpstreamFailure(
        'configuration',
        `The argument "${arg.slice(0, 40)}" is an option; a connection may give values only.`,
      );
    if (arg.length > MAX_ARG_LENGTH || arg.includes('\0'))
      throw new UpstreamFailure(
        'configuration',
        'An argument is too long or holds a zero character.',
      );
  }
  return args;
}

function ownEnv(entry: CatalogueEntry, { env }: LoadedConnection): Record<string, string> {
  for (const [name, value] of Object.entries(env)) {
    if (!entry.acceptsEnv.includes(name))
      throw new UpstreamFailure(
        'configuration',
        `This server does not take the variable ${name.slice(0, 60)} from a connection.`,
      );
    if (value.includes('\0'))
      throw new UpstreamFailure('configuration', `The variable ${name} holds a zero character.`);
  }
  return { ...env };
}

/** Where the program itself lies, for a sandbox that shows nothing else. */
function programPaths(command: string, script: string | undefined): string[] {
  const paths: string[] = [];
  if (isAbsolute(command)) paths.push(dirname(command));
  if (script !== undefined && isAbsolute(script) && existsSync(script)) {
    // A package reaches for its dependencies beside itself.
    const tree = script.indexOf('/node_modules/');
    paths.push(tree < 0 ? dirname(script) : script.slice(0, tree + '/node_modules'.length));
  }
  return paths;
}
