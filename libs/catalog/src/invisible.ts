/**
 * Characters that a person does not see but a model reads, or that change the order in which text is
 * shown: controls except tab and line breaks, soft hyphen, bidirectional marks, zero-width characters,
 * fillers, variation selectors, interlinear annotations, tags.
 */
const INVISIBLE =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\u{13430}-\u{1345F}\u{1BCA0}-\u{1BCA3}\u{1D173}-\u{1D17A}\u{E0000}-\u{E0FFF}]/gu;

/** The text without them, and well formed. */
export function stripInvisible(text: string): string {
  return text.toWellFormed().replace(INVISIBLE, '');
}
