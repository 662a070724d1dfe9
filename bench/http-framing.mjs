const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');

/**
 * Bytes of the first HTTP/1.1 answer in `buffer`, or 0 while that cannot be said yet. Knows
 * Content-Length and chunked bodies without trailers, which is all that the measured servers send.
 */
export function answerLength(buffer) {
  const headEnd = buffer.indexOf(HEAD_END);
  if (headEnd < 0) return 0;
  const head = buffer.latin1Slice(0, headEnd).toLowerCase();
  const at = head.indexOf('\r\ncontent-length:');
  if (at >= 0) return headEnd + 4 + Number.parseInt(head.slice(at + 17), 10);
  if (head.includes('\r\ntransfer-encoding: chunked')) {
    const last = buffer.indexOf(LAST_CHUNK, headEnd + 2);
    return last < 0 ? 0 : last + LAST_CHUNK.length;
  }
  return headEnd + 4;
}
