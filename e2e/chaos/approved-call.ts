import { createHash } from 'node:crypto';
import { rawCall, type FaultProxy } from '@conducktor/testing';
import type { Point } from './approval-points.ts';
import { answerTo } from './upstream.ts';

/** What a client had in the end: the result, another request for approval, nothing, or an error's code. */
export type Told = 'result' | 'asked anew' | 'nothing' | (string & {});

/** Of these nothing was made for this very request, or what was made cannot be read yet. */
const TRY_AGAIN: ReadonlySet<string> = new Set([
  'governance_unavailable',
  'service_unavailable',
  'rate_limited',
]);
// Whoever hangs up has a call ended that their gateway makes for them.
const PATIENCE_MS = 30_000;
const BETWEEN_MS = 100;

/** A client that makes a call which needs approval, again and again until it is told how that ended. */
export class ApprovedCall {
  readonly note: string;
  readonly mode: 'run' | 'wait';
  readonly point: Point;
  /** Its way to the gateway that it asks first. */
  readonly wire: FaultProxy;
  /** Set by whoever finds its request. */
  requestId = '';
  /** All it was told, for reading. */
  readonly said: string[] = [];
  readonly told: Promise<Told>;
  /** What it asks may be taken for lost, because others were kept from each other for too long. */
  mayBeLost = false;
  readonly #givingUp = new AbortController();

  constructor(
    of: Pick<ApprovedCall, 'note' | 'mode' | 'point' | 'wire'>,
    to: { gateways: readonly string[]; apiKey: string },
  ) {
    this.note = of.note;
    this.mode = of.mode;
    this.point = of.point;
    this.wire = of.wire;
    this.told = this.#askUntilTold(to);
  }

  get tool(): string {
    return this.mode === 'run' ? 'up_write_note' : 'up_delete_note';
  }

  /** SHA-256 of the canonical arguments, hexadecimal. */
  get argumentsHash(): string {
    return createHash('sha256')
      .update(JSON.stringify({ note: this.note }))
      .digest('hex');
  }

  /** From now on it asks for so long, and is then told nothing. */
  giveUpAfter(ms: number): void {
    setTimeout(() => this.#givingUp.abort(), ms).unref();
  }

  async #askUntilTold({
    gateways,
    apiKey,
  }: {
    gateways: readonly string[];
    apiKey: string;
  }): Promise<Told> {
    const urls = [`http://127.0.0.1:${this.wire.port}`, ...gateways];
    for (let attempt = 0; !this.#givingUp.signal.aborted; attempt++) {
      const { told, said } = await this.#ask(urls[attempt % urls.length]!, apiKey);
      this.said.push(said);
      if (told !== 'again') return told;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    }
    return 'nothing';
  }

  async #ask(url: string, token: string): Promise<{ told: Told | 'again'; said: string }> {
    const signal = AbortSignal.any([this.#givingUp.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const args = { note: this.note };
    const answer = await rawCall(`${url}/mcp`, this.tool, args, { token, signal }).catch(
      (error: Error) => error,
    );
    if (answer instanceof Error) return { told: 'again', said: answer.message };
    const { result, error } = answer.message ?? {};
    const said = result?.content?.[0]?.text ?? error?.message ?? answer.text;
    if (result && !result.isError)
      return { told: said === answerTo(this.note) ? 'result' : 'something else', said };
    const meta = (result?._meta ?? error?.data?.['_meta'] ?? {}) as Record<string, string>;
    const code = meta['conducktor/code'];
    const isOver = code !== undefined && !TRY_AGAIN.has(code) && !said.includes('is being made');
    if (!isOver) return { told: 'again', said };
    if (code !== 'approval_required') return { told: code, said };
    const isOurs = [undefined, this.requestId].includes(meta['conducktor/approvalId']);
    return { told: isOurs || this.requestId === '' ? 'again' : 'asked anew', said };
  }
}
