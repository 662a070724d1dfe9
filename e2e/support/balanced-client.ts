import { Pool } from 'undici';

/** Often enough for a drain delay of a second. */
const PROBE_MS = 100;
const PATIENCE_MS = 30_000;

export type Answered =
  | { kind: 'answered'; text: string; code: string | undefined }
  /** Nobody took it, and nothing of it was begun: the connection was refused, or 503 with Retry-After. */
  | { kind: 'refused'; why: string }
  /** It was sent, and no answer came. */
  | { kind: 'lost'; why: string };

export interface BalancedClient {
  call(tool: string, args: Record<string, unknown>): Promise<Answered>;
  close(): Promise<void>;
}

/**
 * What a client meets behind a load balancer: connections are kept alive, targets whose /readyz fails get
 * no new requests, and one is tried again only where it cannot have been begun. `patient`: until it is taken.
 */
export function startBalancedClient(
  ports: readonly number[],
  token: string,
  options: { patient: boolean },
): BalancedClient {
  const targets = ports.map((port) => ({
    port,
    ready: true,
    pool: new Pool(`http://127.0.0.1:${port}`, { connections: 64, keepAliveTimeout: 30_000 }),
  }));
  const probe = setInterval(() => {
    for (const target of targets)
      fetch(`http://127.0.0.1:${target.port}/readyz`, { headers: { connection: 'close' } }).then(
        ({ ok }) => (target.ready = ok),
        () => (target.ready = false),
      );
  }, PROBE_MS);
  let turn = 0;
  let id = 0;

  const once = async (tool: string, args: Record<string, unknown>): Promise<Answered> => {
    const ready = targets.filter((target) => target.ready);
    const able = ready.length > 0 ? ready : targets;
    const { pool } = able[turn++ % able.length]!;
    try {
      const { statusCode, headers, body } = await pool.request({
        method: 'POST',
        path: '/mcp',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-06-18',
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: ++id,
          method: 'tools/call',
          params: { name: tool, arguments: args },
        }),
      });
      const text = await body.text();
      if (statusCode === 503 && headers['retry-after'] !== undefined)
        return { kind: 'refused', why: text };
      if (statusCode !== 200) return { kind: 'answered', text, code: `HTTP ${statusCode}` };
      const { result, error } = JSON.parse(text) as {
        result?: { content: { text: string }[]; _meta?: Record<string, string> };
        error?: { message: string };
      };
      const code = error?.message ?? result?._meta?.['conducktor/code'];
      return { kind: 'answered', text: result?.content[0]?.text ?? text, code };
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      const why = `${code ?? ''} ${message}`.trim();
      return { kind: code === 'ECONNREFUSED' ? 'refused' : 'lost', why };
    }
  };

  return {
    async call(tool, args) {
      const until = performance.now() + PATIENCE_MS;
      for (;;) {
        const answered = await once(tool, args);
        if (answered.kind !== 'refused' || !options.patient || performance.now() > until)
          return answered;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close() {
      clearInterval(probe);
      await Promise.all(targets.map(({ pool }) => pool.destroy()));
    },
  };
}
