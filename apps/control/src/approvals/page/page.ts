import { amountText } from '@conducktor/budget';
import type { ApprovalDetail } from '@conducktor/contracts';
import { card, facts, problemBox } from '../../pages/card.js';
import { escapeHtml } from '../../pages/layout.js';
import { minuteOf, stateSentence } from '../state-sentence.js';
import { allVisible, shownArguments } from './shown-arguments.js';
import { previewed } from './shown-preview.js';

export interface ApprovalPage {
  csrf: string;
  workspace: string;
  currency: string;
  memberId: string;
  approval: ApprovalDetail;
  /** As it was typed, when the form could not be taken. */
  reason: string;
  problem: string | undefined;
}

export function approvalPage(content: ApprovalPage): string {
  const { approval, memberId, problem } = content;
  return card(
    titleOf(approval),
    `<p role="status">${escapeHtml(stateSentence(approval))}</p>
${problemBox(problem)}
${factsOf(content)}
${previewed(approval, argumentsOf(approval))}
${rulesOf(approval)}
${votesOf(approval)}
${similarOf(approval)}
${approval.mayDecide ? decisionForm(content) : ''}
${approval.requesterId === memberId ? cancelForm(content) : ''}`,
  );
}

const TITLES: Record<ApprovalDetail['status'], string> = {
  pending: 'Waiting for approval',
  approved: 'Approved',
  rejected: 'Rejected',
  expired: 'Expired',
  void: 'Void',
  running: 'Being made',
  done: 'Made',
};

const titleOf = ({ status, tool, mayDecide }: ApprovalDetail) =>
  mayDecide ? `Approve ${tool}?` : `${TITLES[status]}: ${tool}`;

function factsOf({ workspace, currency, approval }: ApprovalPage): string {
  const { requester, client, clientName, tool, connection, costMicros } = approval;
  return facts([
    ['Workspace', workspace],
    ['Person', requester],
    ['Client', allVisible(clientName === null ? client : `${clientName} (${client})`)],
    ['Tool', `${tool} of ${connection}`],
    ['Class', approval.class],
    ['Costs at most', costMicros === 0 ? 'nothing' : amountText(costMicros, currency)],
    ['Asked', minuteOf(approval.createdAt)],
    ['Until', minuteOf(approval.expiresAt)],
  ]);
}

function argumentsOf(approval: ApprovalDetail): string {
  const { argumentsState, arguments: value, argumentsHash, status } = approval;
  const { text, left } =
    argumentsState === 'available' ? shownArguments(value) : { text: undefined, left: 0 };
  const shown =
    text === undefined
      ? '<p>It was erased: it is kept no longer, or the key of the person who asked was destroyed.</p>'
      : // Focusable, so that it is scrolled by keyboard.
        `<pre tabindex="0" role="region" aria-labelledby="what">${escapeHtml(text)}</pre>`;
  const cut =
    left === 0
      ? ''
      : `<p class="problem">${left} more characters are not shown here. Read them over the REST API before you decide.</p>`;
  const what = status === 'running' || status === 'done' ? 'What was sent' : 'What would be sent';
  return `<h2 id="what">${what}</h2>${shown}${cut}<p class="hint">SHA-256 ${escapeHtml(argumentsHash)}</p>`;
}

function rulesOf({ demands }: ApprovalDetail): string {
  const items = demands.map(
    ({ rule, sentTo, needed, given, message }) =>
      `<li>${escapeHtml(rule)}: ${given} of ${needed} from ${escapeHtml(sentTo)}${message === null ? '' : `. ${escapeHtml(message)}`}</li>`,
  );
  return `<h2>Rules that want it approved</h2><ul>${items.join('')}</ul>`;
}

function votesOf({ votes }: ApprovalDetail): string {
  if (votes.length === 0) return '';
  const items = votes.map(
    ({ by, inPlaceOf, vote, reason, at }) =>
      `<li>${escapeHtml(by)}${inPlaceOf === null ? '' : ` in the place of ${escapeHtml(inPlaceOf)}`} ${vote === 'approve' ? 'approved' : 'rejected'}, ${minuteOf(at)}${reason === '' ? '' : `: ${escapeHtml(reason)}`}</li>`,
  );
  return `<h2>Votes</h2><ul>${items.join('')}</ul>`;
}

function similarOf({ similar }: ApprovalDetail): string {
  if (similar.length === 0) return '';
  const items = similar.map(({ id, status, requester, decidedBy, reason, at, likeness }) => {
    const became = status === 'rejected' ? 'rejected' : 'approved';
    return `<li><a href="/approvals/${escapeHtml(id)}">${minuteOf(at)}</a>: ${became} by ${escapeHtml(decidedBy.join(' and '))} for ${escapeHtml(requester)}${alike(likeness)}${reason === null ? '' : `. ${escapeHtml(reason)}`}</li>`;
  });
  return `<h2>Similar calls before</h2><ul>${items.join('')}</ul>`;
}

/** How much of the arguments is the same, 0 to 1; null: those are not kept any more. */
function alike(likeness: number | null): string {
  if (likeness === null) return '';
  const percent = Math.round(likeness * 100);
  return percent === 0 ? ', other arguments' : `, ${percent} % the same arguments`;
}

function decisionForm({ csrf, reason, problem }: ApprovalPage): string {
  return `<form method="post"${problem === undefined ? '' : ' aria-describedby="problem"'}>
<input type="hidden" name="csrf" value="${escapeHtml(csrf)}">
<h2><label for="reason">Reason</label></h2>
<input id="reason" name="reason" maxlength="1000" autocomplete="off" aria-describedby="why" value="${escapeHtml(reason)}">
<p class="hint" id="why">The person who asked reads it. It is recorded with your name.</p>
<div class="actions"><button type="submit" name="do" value="approve">Approve</button>
<button class="quiet" type="submit" name="do" value="reject">Reject</button></div>
</form>`;
}

function cancelForm({ csrf, approval }: ApprovalPage): string {
  if (approval.status !== 'pending' && approval.status !== 'approved') return '';
  return `<form method="post"><input type="hidden" name="csrf" value="${escapeHtml(csrf)}">
<p class="hint">This is your own request: others decide about it.</p>
<button class="quiet" type="submit" name="do" value="cancel">Take it back</button></form>`;
}
