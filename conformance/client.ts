// The command for the suite's `client` scenarios: `conformance client --command "node client.ts"`. The
// suite appends the address of its server and names the scenario in MCP_CONFORMANCE_SCENARIO.
import { SCENARIOS } from './client/scenarios.ts';

const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? '';
const play = SCENARIOS[scenario];
const url = process.argv.at(-1);
if (!play || !url) {
  console.error(`No part is written for the scenario "${scenario}".`);
  process.exit(2);
}
// Only now: a requirement set starts this once for each of its scenarios, most of them without a part.
const { openUpstream } = await import('./client/upstream.ts');
const upstream = openUpstream(url);
try {
  await play(upstream, JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}'));
} finally {
  await upstream.close();
}
