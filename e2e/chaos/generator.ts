// The load, a process of its own: writes down each call before it is sent and what came of it, so that
// what it was told survives whatever happens elsewhere. Started by load.ts, spoken to over IPC.
import { closeSync, openSync, writeSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { Ended, Job, Pulse, Sent } from './ledger.ts';
import { seededRandom } from './random.ts';

/** A client gives up then; longer than a gateway needs to find that a worker is gone. */
const PATIENCE_MS = 9_000;
/** A gateway that just failed is left alone for a moment, as by a balancer. */
const AVOID_MS = 250;
const RETRIES = 4;

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

process.once('message', (job: Job) => void run(job));

async function run(job: Job): Promise<void> {
  const random = seededRandom(job.seed);
  const file = openSync(job.file, 'a');
  const avoid = job.gateways.map(() => 0);
  const pulse: Pulse = { calls: 0, ok: 0, lastOk: {} };
  const log = (line: Sent | Ended) => void writeSync(file, `${JSON.stringify(line)}\n`);
  let stopped = false;
  let next = 0;
  process.on('message', () => (stopped = true));
  const beat = setInterval(() => process.send?.(pulse), 25);

  const loop = async (tenant: number): Promise<void> => {
    while (!stopped) {
      const roll = random.next();
      const tool = roll < 0.6 ? 'write_note' : roll < 0.8 ? 'read_note' : 'delete_note';
      const note = `${job.tenants[tenant]!.canary}.${next++}.${random.next().toString(36).slice(2, 10)}`;
      // Some have a key under which they are tried again when they fail: that must act once, too.
      const key = random.next() < 0.15 ? `key-${note}` : undefined;
      for (let attempt = 0; attempt === 0 || (key && attempt < RETRIES); attempt++) {
        const ended = await one(tenant, tool, note, key, attempt);
        if (ended.ok || stopped) break;
        await pause(100);
      }
      await pause(job.pauseMs * (0.5 + random.next()));
    }
  };

  async function one(
    tenant: number,
    tool: string,
    note: string,
    key: string | undefined,
    attempt: number,
  ): Promise<Ended> {
    const gateway = choose();
    const at = Date.now();
    log({ note, tenant, tool, gateway, at, ...(key && { key }) });
    pulse.calls++;
    const told = await call(job, tenant, gateway, tool, note, key);
    const ended: Ended = { note, attempt, ended: Date.now(), ...told };
    log(ended);
    if (ended.ok) {
      pulse.ok++;
      pulse.lastOk[`${gateway}/${tenant}`] = at;
    } else if (ended.callId === undefined) avoid[gateway] = Date.now() + AVOID_MS;
    return ended;
  }

  function choose(): number {
    const now = Date.now();
    const good = job.gateways.flatMap((_, index) => (avoid[index]! <= now ? [index] : []));
    return random.pick(good.length > 0 ? good : job.gateways.map((_, index) => index));
  }

  await Promise.all(Array.from({ length: job.loops }, (_, i) => loop(i % job.tenants.length)));
  clearInterval(beat);
  closeSync(file);
  process.send?.({ ...pulse, done: true });
  process.disconnect?.();
}

/** One tools/call, and what its client is told. Never rejects. */
async function call(
  job: Job,
  tenant: number,
  gateway: number,
  tool: string,
  note: string,
  key: string | undefined,
): Promise<Omit<Ended, 'note' | 'attempt' | 'ended'>> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'chaos', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
    ...(key && { 'conducktor/idempotencyKey': key }),
  };
  const name = `up_${tool}`;
  const params = { name, arguments: { note }, _meta: meta };
  const answer = await post(
    `${job.gateways[gateway]}/mcp`,
    {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${job.tenants[tenant]!.apiKey}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    },
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  ).catch(() => undefined);
  if (answer === undefined) return { ok: false, state: 'lost' };
  let message: {
    result?: { isError?: boolean; content?: { text?: string }[]; _meta?: Record<string, string> };
    error?: { data?: { _meta?: Record<string, string> } };
  };
  try {
    message = JSON.parse(answer.text) as typeof message;
  } catch {
    return { ok: false, state: 'refused', said: answer.text.slice(0, 200) };
  }
  const coded = message.result?._meta ?? message.error?.data?._meta ?? {};
  const callId = coded['conducktor/callId'];
  const code = coded['conducktor/code'];
  const ok = message.result !== undefined && message.result.isError !== true;
  const text = message.result?.content?.[0]?.text;
  return {
    ok,
    state: callId === undefined ? 'refused' : 'acknowledged',
    ...(callId && { callId }),
    ...(code && { code }),
    // The judge knows what it should be; only what differs is kept.
    ...(ok && text !== `done ${note}` && { said: String(text) }),
    ...(!ok && code === undefined && { said: answer.text.slice(0, 300) }),
  };
}

function post(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<{ text: string }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => outgoing.destroy(new Error('No answer.')), PATIENCE_MS);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    const outgoing = request(
      url,
      { method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => (text += chunk));
        incoming.once('error', (error) => end(() => reject(error)));
        incoming.once('end', () => end(() => resolve({ text })));
      },
    );
    outgoing.once('error', (error) => end(() => reject(error)));
    outgoing.end(body);
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
