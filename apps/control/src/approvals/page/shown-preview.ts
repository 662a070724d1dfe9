import type { ApprovalDetail } from '@conducktor/contracts';
import { escapeHtml } from '../../pages/layout.js';
import { minuteOf } from '../state-sentence.js';
import { lineDifference, type Run } from './line-difference.js';
import { allVisible } from './shown-arguments.js';

type Side = NonNullable<NonNullable<ApprovalDetail['preview']>['before']>;

/**
 * What the service says of now and of afterwards, side by side, with the lines that differ marked; where it
 * cannot tell afterwards, what is now beside what would be sent (`sent`, HTML). What it says is text, as
 * hostile as its service.
 */
export function previewed({ preview }: ApprovalDetail, sent: string): string {
  if (!preview) return sent;
  const { before, after } = preview;
  if (!after) return sides(before ? column('before', 'Before', before, undefined) : '', sent);
  const runs =
    before?.content != null && after.content != null
      ? lineDifference(allVisible(before.content), allVisible(after.content))
      : undefined;
  const columns = [
    before ? column('before', 'Before', before, runs) : '',
    column('after', 'After', after, runs),
  ];
  return `${sides(...columns)}${runs ? legendOf(runs) : ''}${sent}`;
}

const sides = (...columns: string[]) =>
  `<div class="sides">${columns.map((each) => each && `<section>${each}</section>`).join('')}</div>`;

function column(id: string, title: string, side: Side, runs: readonly Run[] | undefined): string {
  const { tool, at, content, cut, reason, state } = side;
  const from =
    state === 'available' && at !== null
      ? `<p class="hint">${escapeHtml(tool)} gave this, ${minuteOf(at)}</p>`
      : '';
  const why = state === 'erased' ? ERASED : (reason ?? '');
  const shown =
    content === null
      ? `<p>No preview. ${escapeHtml(allVisible(why))}</p>`
      : pre(
          id,
          runs ? marked(runs, id === 'before' ? 'gone' : 'new') : escapeHtml(allVisible(content)),
        );
  const more = cut ? '<p class="problem">There is more of it, which is not kept.</p>' : '';
  return `<h2 id="${id}">${title}</h2>${from}${shown}${more}`;
}

const ERASED =
  'It was erased: it is kept no longer, or the key of the person who asked was destroyed.';

// Focusable, so that it is scrolled by keyboard.
const pre = (id: string, html: string) =>
  `<pre tabindex="0" role="region" aria-labelledby="${id}">${html}</pre>`;

/** The lines of one side; those that the other has not stand out, and not by their colour alone. */
function marked(runs: readonly Run[], own: 'gone' | 'new'): string {
  const [tag, sign] = own === 'gone' ? ['del', '−'] : ['ins', '+'];
  return runs
    .filter(({ kind }) => kind === 'same' || kind === own)
    .map(({ kind, lines }) => {
      const text = lines
        .map((line) => `${kind === 'same' ? ' ' : sign} ${escapeHtml(line)}\n`)
        .join('');
      return kind === 'same' ? text : `<${tag}>${text}</${tag}>`;
    })
    .join('');
}

function legendOf(runs: readonly Run[]): string {
  const count = (kind: Run['kind']) =>
    runs.reduce((sum, run) => sum + (run.kind === kind ? run.lines.length : 0), 0);
  return `<p class="hint">Lines that go (−): ${count('gone')}. Lines that come (+): ${count('new')}.</p>`;
}
