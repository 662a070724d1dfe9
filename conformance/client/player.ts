import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { play, type Part } from './play.ts';

/**
 * Plays parts for processes that send one over a Unix socket; answers with why it ended, nothing when
 * it ended well. The suite starts a process for each scenario, and loading our client takes
 * most of what a scenario takes.
 */
export async function startPlayer(path: string): Promise<{ close(): Promise<void> }> {
  const answer = async (socket: Socket) => {
    const part = JSON.parse(await text(socket)) as Part;
    const problem = await play(part).then(
      () => '',
      (error: Error) => `${error.name}: ${error.message}`,
    );
    socket.end(problem);
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    answer(socket).catch(() => socket.destroy());
  });
  server.listen(path);
  await once(server, 'listening');
  return { close: async () => void (await new Promise((done) => server.close(done))) };
}
