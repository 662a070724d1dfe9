// The load generator, in its own process: keep-alive sockets, one request outstanding on each, the
// next one written when the answer is whole. Raw sockets cost about a third of an HTTP client, so
// that on two cores the measured side gets the machine.
//
// In (IPC): {host, port, path, tool, tokens, connections, warmupMs, durationMs}. Out: {calls, seconds,
// perSecond, p50, p99, errors, firstError}. Latencies in milliseconds.
import { connect } from 'node:net';
import { answerLength } from './http-framing.mjs';
import { percentile } from './stats.mjs';

// Ten minutes of the fastest subject; beyond it latencies are no longer collected.
const MAX_SAMPLES = 4_000_000;

process.on('message', async (job) => {
  process.send(await run(job));
});
process.on('disconnect', () => process.exit(0));
process.send('ready');

function run({ host, port, path, tool, tokens, connections, warmupMs, durationMs }) {
  const requests = tokens.map((token, i) => requestBytes({ host, port, path, tool, token, i }));
  const samples = new Float64Array(MAX_SAMPLES);
  let calls = 0;
  let errors = 0;
  let firstError;
  let turn = 0;
  const start = performance.now();
  const from = start + warmupMs;
  const until = from + durationMs;

  const worker = () =>
    new Promise((done) => {
      const socket = connect({ host, port, noDelay: true });
      let sentAt = 0;
      let pending = null;
      let ended = false;
      const finish = () => {
        ended = true;
        socket.destroy();
        done();
      };
      const fail = (why) => {
        errors++;
        firstError ??= why;
        finish();
      };
      const send = () => {
        sentAt = performance.now();
        if (sentAt >= until) return finish();
        socket.write(requests[turn++ % requests.length]);
      };
      socket.on('connect', send);
      socket.on('error', (error) => !ended && fail(error.message));
      socket.on('close', () => !ended && fail('the server closed a keep-alive connection'));
      socket.on('data', (chunk) => {
        pending = pending === null ? chunk : Buffer.concat([pending, chunk]);
        const length = answerLength(pending);
        if (length === 0 || pending.length < length) return;
        const now = performance.now();
        // An answer that is not a plain result would make the measurement look fast.
        if (pending.indexOf('HTTP/1.1 200') !== 0 || pending.indexOf('"text":"hello') < 0) {
          errors++;
          firstError ??= pending.toString('utf8', 0, 2000);
        } else if (now >= from && now < until && calls < MAX_SAMPLES) {
          samples[calls++] = now - sentAt;
        }
        pending = null;
        send();
      });
    });

  return Promise.all(Array.from({ length: connections }, worker)).then(() => {
    const sorted = samples.subarray(0, calls).sort();
    return {
      calls,
      seconds: durationMs / 1000,
      perSecond: (calls / durationMs) * 1000,
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      errors,
      firstError,
    };
  });
}

function requestBytes({ host, port, path, tool, token, i }) {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: i + 1,
    method: 'tools/call',
    params: {
      name: tool,
      arguments: {
        message: `hello from workspace ${String(i).padStart(2, '0')}`,
        amount: 4200 + i,
      },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  });
  return Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      `host: ${host}:${port}`,
      `authorization: Bearer ${token}`,
      'content-type: application/json',
      'accept: application/json, text/event-stream',
      'mcp-protocol-version: 2026-07-28',
      'mcp-method: tools/call',
      `mcp-name: ${tool}`,
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
