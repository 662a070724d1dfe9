/** Calls at one connection at once; more wait their turn, as long as their deadline lets them. */
export class Slots {
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly limit: number,
    private readonly maxWaiting: number,
  ) {}

  /** True: taken. False: `turn` is called when it is taken, unless `leave` comes first. Undefined: too many wait. */
  take(turn: () => void): boolean | undefined {
    if (this.#taken < this.limit) {
      this.#taken++;
      return true;
    }
    if (this.#waiting.size >= this.maxWaiting) return undefined;
    this.#waiting.add(turn);
    return false;
  }

  /** True when it was still waiting. */
  leave(turn: () => void): boolean {
    return this.#waiting.delete(turn);
  }

  /** Takes one at once, also beyond the limit. */
  takeOver(): void {
    this.#taken++;
  }

  release(): void {
    // Those beyond the limit are given back before anybody's turn comes.
    if (this.#taken > this.limit) return void this.#taken--;
    const next = this.#waiting.values().next().value;
    if (!next) return void this.#taken--;
    this.#waiting.delete(next);
    next();
  }

  get idle(): boolean {
    return this.#taken === 0 && this.#waiting.size === 0;
  }
}
