/** Why something of a client could not be fetched. `reason` is ours and fit for an answer. */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure';
  constructor(
    /** Completes "… could not be used: ". */
    readonly reason: string,
    /** `passing`: the same may work in a moment, and an answer from before is still good. */
    readonly kind: 'passing' | 'lasting',
    /** Seconds after which to try again, where that is known. */
    readonly retryAfter?: number,
  ) {
    super(reason);
  }
}
