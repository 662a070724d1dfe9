// The load generator, in its own process: keep-alive sockets, one request outstanding on each, the
// next one written when the answer is whole. Raw sockets cost about a third of an HTTP client, so
// that on two cores the measured side gets the machine.
//
// In (IPC): {host, port, path, tool, tokens, connections, warmupMs, durationMs}, and if wanted `method`
// (tools/call if absent) and `rate` (requests a second in all, as fast as answers come if absent). Out:
// {calls, seconds, perSecond, p50, p99, errors, firstError}. Latencies in milliseconds.
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

/** What the first bytes of a right answer have in them. */
const MARKS = { 'tools/call': '"text":"hello', 'tools/list': '"tools":[' };
const METHOD = 'tools/call';
// Goes on from run to run, so that several short ones ask for every token's workspace too.
let turn = 0;

function run(job) {
  const { host, port, tokens, connections, warmupMs, durationMs, method = METHOD, rate } = job;
  const requests = tokens.map((token, i) => requestBytes({ ...job, method, token, i }));
  const mark = MARKS[method];
  const samples = new Float64Array(MAX_SAMPLES);
  let calls = 0;
  let errors = 0;
  let firstError;
  let slot = 0;
  const start = performance.now();
  const from = start + warmupMs;
  const until = from + durationMs;

  const worker = () =>
    new Promise((done) => {
      const socket = connect({ host, port, noDelay: true });
      let sentAt = 0;
      let pending = null;
      // Bytes of an answer that is only counted, of which so many have come; 0: none is.
      let whole = 0;
      let come = 0;
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
      const next = () => {
        if (!rate) return send();
        const wait = start + (slot++ * 1000) / rate - performance.now();
        if (wait < 1) send();
        else setTimeout(send, wait);
      };
      const answered = (isRight, now) => {
        // An answer that is not what was asked for would make the measurement look fast.
        if (!isRight) {
          errors++;
          firstError ??= pending.toString('utf8', 0, 2000);
        } else if (now >= from && now < until) {
          if (calls < MAX_SAMPLES) samples[calls] = now - sentAt;
          calls++;
        }
        pending = null;
        next();
      };
      socket.on('connect', next);
      socket.on('error', (error) => !ended && fail(error.message));
      socket.on('close', () => !ended && fail('the server closed a keep-alive connection'));
      socket.on('data', (chunk) => {
        if (whole > 0) {
          come += chunk.length;
          if (come < whole) return;
          whole = 0;
          return answered(true, performance.now());
        }
        pending = pending === null ? chunk : Buffer.concat([pending, chunk]);
        const length = answerLength(pending);
        if (length === 0) return;
        const isRight = pending.indexOf('HTTP/1.1 200') === 0 && pending.indexOf(mark) > 0;
        if (pending.length >= length) return answered(isRight, performance.now());
        // Copying what has come with each chunk of a long answer would cost more than serving it.
        if (isRight) [whole, come] = [length, pending.length];
      });
    });

  return Promise.all(Array.from({ length: connections }, worker)).then(() => {
    const sorted = samples.subarray(0, Math.min(calls, MAX_SAMPLES)).sort();
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

function requestBytes({ host, port, path, tool, method, token, i }) {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: i + 1,
    method,
    params: {
      ...(method === METHOD && {
        name: tool,
        arguments: {
          message: `hello from workspace ${String(i).padStart(2, '0')}`,
          amount: 4200 + i,
        },
      }),
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
      `mcp-method: ${method}`,
      ...(method === METHOD ? [`mcp-name: ${tool}`] : []),
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
