/** More than this within the window is a flood. */
const FLOOD = { messages: 20_000, characters: 64 * 1024 * 1024, windowMs: 10_000 };

/** Counts what a server says that nobody waits for. */
export class Strays {
  #messages = 0;
  #characters = 0;
  #since = 0;

  /** True when it has become a flood. */
  add(messages: number, characters: number): boolean {
    const now = Date.now();
    if (now - this.#since > FLOOD.windowMs) {
      this.#messages = this.#characters = 0;
      this.#since = now;
    }
    this.#messages += messages;
    this.#characters += characters;
    return this.#messages > FLOOD.messages || this.#characters > FLOOD.characters;
  }
}
