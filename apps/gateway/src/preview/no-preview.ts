/** Why there is nothing to show beside a call that waits; `message` is a sentence for its approvers. */
export class NoPreview extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoPreview';
  }
}
