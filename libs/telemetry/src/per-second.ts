/** So many in each second, by a clock that nobody sets. */
export class PerSecond {
  #second = 0;
  #taken = 0;

  constructor(private readonly most: number) {}

  take(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    if (this.#taken >= this.most) return false;
    this.#taken++;
    return true;
  }
}
