import type { UpstreamEvent } from '@conducktor/contracts';

/** The same event again within this says nothing new; it is told once more at the end. */
const QUIET_MS = 200;
/** Events of different kinds within that time; beyond, only that something was missed is told. */
const MAX_KINDS = 500;
/** UTF-16 units of what a server adds to an update. */
const MAX_PARAMS = 16_000;

/** Thins out a flood of events: the first is told at once, the last of a burst at its end. */
export class Coalescer {
  /** What was told lately, and what came again since. */
  readonly #lately = new Map<string, UpstreamEvent | undefined>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly out: (event: UpstreamEvent) => void) {}

  tell(event: UpstreamEvent): void {
    const key = keyOf(event);
    if (this.#lately.has(key)) return void this.#lately.set(key, event);
    if (this.#lately.size >= MAX_KINDS && event.kind !== 'gap') return this.tell({ kind: 'gap' });
    this.#lately.set(key, undefined);
    this.#timer ??= setTimeout(() => this.#tellAgain(), QUIET_MS).unref();
    this.out(slim(event));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#lately.clear();
  }

  #tellAgain(): void {
    this.#timer = undefined;
    const again = [...this.#lately.values()].filter((event) => event !== undefined);
    this.#lately.clear();
    for (const event of again) this.tell(event);
  }
}

function keyOf(event: UpstreamEvent): string {
  switch (event.kind) {
    case 'list-changed':
      return `list ${event.list}`;
    case 'resource-updated':
      return `uri ${event.uri}`;
    case 'gap':
      return 'gap';
  }
}

function slim(event: UpstreamEvent): UpstreamEvent {
  if (event.kind !== 'resource-updated') return event;
  return JSON.stringify(event.params).length <= MAX_PARAMS
    ? event
    : { ...event, params: { uri: event.params['uri'] } };
}
