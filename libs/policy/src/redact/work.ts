/** Why something was not redacted. What it was asked for must then be withheld, for it is unredacted. */
export class RedactionError extends Error {
  override readonly name = 'RedactionError';
}

// One unit is one instruction of a pattern over one character, some 40 to 100 ns: half a second at most.
const BUDGET = 6_000_000;
// One search is linear, but a search for all can be quadratic, and the engine does not tell.
const MAX_SEARCH_MS = 500;

/**
 * What redacting one call may cost in all. Hand the same one to every `redactJson` of a call whose parts are
 * redacted one by one.
 */
export class RedactionWork {
  #left = BUDGET;
  #searched = 0;

  /** Throws RedactionError when nothing is left. */
  spend(units: number): void {
    this.#left -= units;
    if (!(this.#left >= 0)) throw new RedactionError('is too large to be redacted');
  }

  /** Notes the time since `start` (`performance.now()`) as spent searching, and gives the time now. */
  searchedSince(start: number): number {
    const now = performance.now();
    this.#searched += now - start;
    if (this.#searched > MAX_SEARCH_MS)
      throw new RedactionError('takes too long to be searched for a pattern');
    return now;
  }
}
