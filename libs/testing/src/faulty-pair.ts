import type { Socket } from 'node:net';
import type { Fault, FaultOptions } from './fault-proxy.js';

/** `back`: towards who dialled. */
export type Direction = 'back' | 'forth' | 'both';

interface PairDeps {
  random: () => number;
  onCorrupted(): void;
  onGone(): void;
}

/** One connection through the proxy: the dialler's socket, the one to the target, and what ails them. */
export class FaultyPair {
  readonly #back: Way;
  readonly #forth: Way;

  constructor(
    readonly near: Socket,
    readonly far: Socket,
    private readonly deps: PairDeps,
  ) {
    const end = () => this.end((socket) => socket.destroy());
    this.#back = new Way(far, near, deps, end);
    this.#forth = new Way(near, far, deps, end);
    near.on('close', () => this.#forth.ended());
    far.on('close', () => this.#back.ended());
    // An error is told as it came: who was reset resets.
    near.on('error', () => this.#forth.broke());
    far.on('error', () => this.#back.broke());
  }

  suffer(fault: Fault, options: Required<FaultOptions>): void {
    const { direction } = options;
    this.#back.suffer(direction === 'forth' ? 'pass' : fault, options);
    this.#forth.suffer(direction === 'back' && fault !== 'slow' ? 'pass' : fault, options);
  }

  end(how: (socket: Socket) => void): void {
    how(this.near);
    this.far.destroy();
    this.deps.onGone();
  }
}

/** One direction. Bytes keep their order whatever fault comes and goes. */
class Way {
  #fault: Fault = 'pass';
  #options: Required<FaultOptions> | undefined;
  /** What waits, oldest first; undefined is the end. */
  readonly #waiting: { chunk: Buffer | undefined; due: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #silent = false;
  #heldEnd = false;
  #cutLeft = Infinity;
  #untilCorrupt = 0;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly deps: PairDeps,
    private readonly endBoth: () => void,
  ) {
    from.on('data', (chunk) => this.#take(chunk));
    from.on('end', () => this.#take(undefined));
  }

  suffer(fault: Fault, options: Required<FaultOptions>): void {
    this.#fault = fault;
    this.#options = options;
    this.#cutLeft = fault === 'cut' ? options.cutAfter : Infinity;
    if (fault === 'corrupt') this.#drawPlace();
    if (this.#heldEnd && fault !== 'half-open') return this.endBoth();
    this.#move();
  }

  /** The socket it reads from is closed; what waits still goes out. */
  ended(): void {
    if (this.#swallows()) this.#heldEnd = true;
    else if (this.#waiting.length === 0) this.to.destroySoon();
  }

  broke(): void {
    if (this.#swallows()) this.#heldEnd = true;
    else this.to.resetAndDestroy();
  }

  #swallows(): boolean {
    return this.#fault === 'half-open';
  }

  #take(chunk: Buffer | undefined): void {
    if (this.#fault === 'half-open') this.#silent = true;
    if (this.#silent) {
      if (chunk !== undefined) return;
      if (!this.#swallows()) return this.endBoth();
      this.#heldEnd = true;
      return;
    }
    const delay = this.#fault === 'slow' ? this.#options!.delayMs : 0;
    this.#waiting.push({ chunk, due: performance.now() + delay });
    this.#move();
  }

  #move(): void {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0 && this.#fault !== 'stall') {
      const [{ chunk, due }] = this.#waiting as [{ chunk: Buffer | undefined; due: number }];
      const wait = due - performance.now();
      if (wait > 0.5) {
        this.#timer = setTimeout(() => this.#move(), wait);
        return;
      }
      this.#waiting.shift();
      if (chunk === undefined) this.to.end();
      else this.#write(chunk);
    }
    if (this.from.destroyed && this.#waiting.length === 0) this.ended();
  }

  #write(chunk: Buffer): void {
    if (this.to.destroyed) return;
    if (this.#fault === 'corrupt') this.#corrupt(chunk);
    if (chunk.length > this.#cutLeft) {
      this.to.write(chunk.subarray(0, this.#cutLeft), this.endBoth);
      this.#cutLeft = 0;
      return;
    }
    this.#cutLeft -= chunk.length;
    // One slow reader must not make the proxy hold everything in memory.
    if (!this.to.write(chunk) && !this.from.isPaused()) {
      this.from.pause();
      this.to.once('drain', () => this.from.resume());
    }
  }

  #corrupt(chunk: Buffer): void {
    let at = this.#untilCorrupt;
    while (at < chunk.length) {
      chunk[at] = (chunk[at]! + 1 + Math.floor(this.deps.random() * 255)) & 255;
      this.deps.onCorrupted();
      this.#drawPlace();
      at += this.#untilCorrupt + 1;
    }
    this.#untilCorrupt = at - chunk.length;
  }

  #drawPlace(): void {
    this.#untilCorrupt = Math.floor(this.deps.random() * 2 * this.#options!.corruptEvery);
  }
}
