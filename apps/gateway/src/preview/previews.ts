import { PREVIEW_SIDES, type PreviewSide } from '@conducktor/contracts';
import { readRequest } from '../approvals/requests.js';
import type { ApprovalRequest, CallToApprove } from '../approvals/types.js';
import type { Tool } from '../workspace/types.js';
import { keepPreview } from './kept.js';
import { makePreview, type AskedCall, type MakePreviewDeps } from './make-preview.js';

// Requests that one gateway reads for at a time; calls of clients come first.
const MAX_READING = 32;
// Reads that were told to stop end soon; none is waited for longer.
const STOP_MS = 5_000;

/**
 * Reads what approvers are shown beside a call that waits (ADR 0025). Only the gateway that wrote the
 * request reads for it, at once, and nobody waits for that here: when this process ends meanwhile, there
 * is no preview.
 */
export class Previews {
  readonly #reading = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(private readonly deps: MakePreviewDeps) {}

  /** `call` is what `request` was made of just now. */
  start(call: CallToApprove, request: ApprovalRequest): void {
    const { preview } = call.tool as Tool;
    if (!preview) return;
    const sides = PREVIEW_SIDES.filter((side) => preview[side]);
    const reading = this.#read(sides, request, call.arguments).catch((error: unknown) =>
      this.deps.logger.warn({ err: error, approval: request.id }, 'A preview could not be kept'),
    );
    this.#reading.add(reading);
    void reading.finally(() => this.#reading.delete(reading));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, STOP_MS)));
    await Promise.race([Promise.allSettled(this.#reading), late]);
    clearTimeout(timer);
  }

  async #read(
    sides: readonly PreviewSide[],
    asked: ApprovalRequest,
    args: AskedCall['arguments'],
  ): Promise<void> {
    const isFull = this.#reading.size >= MAX_READING;
    // As it stands on disk: a call that was approved meanwhile may have changed what there is to read.
    const request = isFull ? undefined : await readRequest(this.deps, asked);
    const kept = sides.map(async (side) => {
      if (request?.status !== 'pending')
        return keepPreview(this.deps, asked, side, { reason: isFull ? FULL : DECIDED, labels: [] });
      const made = await makePreview(
        this.deps,
        { request, arguments: args },
        side,
        this.#stopping.signal,
      );
      return keepPreview(this.deps, request, side, made);
    });
    await Promise.all(kept);
  }
}

const FULL = 'Too many others were being read at that moment.';
const DECIDED = 'The request was decided before it could be read.';
