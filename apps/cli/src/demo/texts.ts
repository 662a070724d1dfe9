import type { StackOptions } from '../options.js';
import { filesOf } from '../stack/layout.js';
import type { DemoAccess } from '../stack/state.js';
import { columns, table } from '../terminal/table.js';
import type { Walked } from './walk-through.js';

const MAX_TEXT = 60;

/** What a person reads once everything runs. */
export function welcomeText({
  options,
  demo,
  walked,
}: {
  options: StackOptions;
  demo: DemoAccess;
  walked: Walked | Error;
}): string {
  const parts = [
    '',
    ...(walked instanceof Error
      ? [`The demo calls were not made: ${walked.message}`]
      : [signInText(walked), '', callsText(walked)]),
    '',
    clickText(options, demo),
    '',
    connectText(options, demo),
    '',
    options.detach
      ? `Running in the background. "npm run status" shows it, "npm stop" ends it; logs are in ${filesOf(options.data).logs}.`
      : `Running. Ctrl-C stops everything; logs are in ${filesOf(options.data).logs}.`,
    '',
  ];
  return `${parts.join('\n')}\n`;
}

/** The last word of an undetached run. */
export function goodbyeText(inOrder: boolean, log: string): string {
  return inOrder
    ? 'Everything has stopped.\n'
    : `The supervisor ended, and everything with it; see ${log}.\n`;
}

function signInText(walked: Walked): string {
  const rows = walked.signIn.map(({ what, status, ms, means }) => [what, status, time(ms), means]);
  return [
    'A client signs in over OAuth',
    '',
    table(['exchange', 'answer', 'time', 'meaning'], rows),
  ].join('\n');
}

function callsText(walked: Walked): string {
  const rows = walked.calls.map((call) => [
    call.who,
    call.call,
    call.shows,
    `${call.answer === call.expected ? '✓' : '✗'} ${call.answer}`,
    time(call.ms),
    oneLine(call.text),
  ]);
  return [
    `It finds ${walked.tools} tools of three servers behind one address, and calls`,
    '',
    table(['who', 'tool', 'shows', 'answer', 'time', 'what the person reads'], rows),
  ].join('\n');
}

function clickText({ publicUrl }: StackOptions, demo: DemoAccess): string {
  const rows = [
    [`${publicUrl}/`, 'what this is and how to connect'],
    [`${publicUrl}/login`, `sign in as ${demo.email}, password ${demo.password}`],
    [`${publicUrl}/signup`, 'an account and a workspace of your own'],
    [`${publicUrl}/docs/api`, `the REST API; key ${demo.apiKey}`],
  ];
  return ['Where to click', '', columns(rows)].join('\n');
}

function connectText({ publicUrl }: StackOptions, demo: DemoAccess): string {
  const url = `${publicUrl}/mcp`;
  const isPublic = publicUrl.startsWith('https://');
  const tunnel =
    'needs a public https address: open a tunnel to this port and start with --public-url https://…';
  return [
    `How to connect (one address for all tools: ${url})`,
    '',
    `  ChatGPT    Settings → Apps & Connectors → Create: ${isPublic ? url : tunnel}`,
    `  Claude     claude mcp add --transport http conducktor ${url}`,
    `             or claude.ai → Settings → Connectors → Add custom connector${isPublic ? `: ${url}` : ' (public https address as well)'}`,
    `  Cursor     ~/.cursor/mcp.json: {"mcpServers":{"conducktor":{"url":"${url}"}}}`,
    `  Inspector  npx mcp-inspector --cli ${url} --transport http --method tools/list \\`,
    `               --header "Authorization: Bearer ${demo.apiKey}"`,
  ].join('\n');
}

function time(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT - 1)}…` : line;
}
