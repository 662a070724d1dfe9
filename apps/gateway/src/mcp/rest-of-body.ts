import type { IncomingMessage } from 'node:http';

/** Some times the largest body that is read: a client that errs by more will have to look again. */
const MOST_BYTES = 16 * 1024 * 1024;
const LONGEST_MS = 2_000;

/**
 * Takes what a client still sends and throws it away, then calls `done`: a socket that is closed with
 * bytes unread is reset, and the client learns of that instead of the answer (RFC 9112, section 9.6).
 */
export function afterRestOf(request: IncomingMessage, done: () => void): void {
  if (request.complete || request.destroyed) return done();
  let left = MOST_BYTES;
  const finish = () => {
    clearTimeout(timer);
    request.off('data', take).off('end', finish).off('close', finish);
    done();
  };
  const take = (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) finish();
  };
  const timer = setTimeout(finish, LONGEST_MS);
  request.on('data', take).once('end', finish).once('close', finish);
  request.resume();
}
