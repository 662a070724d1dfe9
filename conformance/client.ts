// The command for the suite's `client` scenarios: `conformance client --command "node client.ts"`. The
// suite appends the address of its server and names the scenario in the environment. With the socket
// of a player there, that one does it; else this process itself.
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

const {
  MCP_CONFORMANCE_SCENARIO: scenario = '',
  MCP_CONFORMANCE_CONTEXT: context = '{}',
  MCP_CONFORMANCE_PROTOCOL_VERSION: revision = '',
  CONFORMANCE_PLAYER: player,
} = process.env;
const part = { scenario, context, revision, url: process.argv.at(-1)! };
if (player === undefined) {
  const { play } = await import('./client/play.ts');
  await play(part);
} else {
  const socket = connect({ path: player, allowHalfOpen: true });
  socket.end(JSON.stringify(part));
  const problem = await text(socket);
  if (problem !== '') {
    console.error(problem);
    process.exitCode = 1;
  }
}
