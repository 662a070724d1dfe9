import { ConducktorError, type AlertView } from '@conducktor/contracts';
import type { FastifyInstance } from 'fastify';
import type { Control } from '../control.js';
import { requireSession } from '../http/browser-session.js';
import { findAmongOwn } from '../http/find-among-own.js';
import { card, facts } from '../pages/card.js';
import { escapeHtml } from '../pages/layout.js';
import { alertReaders } from './alerts.routes.js';
import { alertWords, minuteOf } from './alert-words.js';
import { readAlert } from './read-alerts.js';

export const ALERT_PATH = '/alerts/:id';

const ID = /^alr_[0-9A-Za-z]{22}$/;

/** Where the messages of alerts lead: for whoever may read alerts, signed in in this browser. */
export function mountAlertPage(fastify: FastifyInstance, control: Control): void {
  fastify.get(ALERT_PATH, async (request, reply) => {
    const { userId } = await requireSession(control, request, { navigation: true });
    const { id } = request.params as { id: string };
    const { workspace, alert } = await findOwn(control, userId, id);
    return reply.send(alertPage(workspace, alert));
  });
}

/** The alert out of the workspaces of this person; throws `not_found`, `frozen`, and `forbidden` for other roles. */
async function findOwn(
  control: Control,
  userId: string,
  id: string,
): Promise<{ workspace: string; alert: AlertView }> {
  const own = ID.test(id) && (await findAmongOwn(control, userId, (tx) => readAlert(tx, id)));
  if (own) {
    alertReaders.check(own.caller);
    return { workspace: own.workspace, alert: own.found };
  }
  throw new ConducktorError(
    'not_found',
    'There is no alert with this id that you may see. Are you signed in as the right person?',
  );
}

function alertPage(workspace: string, alert: AlertView): string {
  const { headline, what, todo } = alertWords(alert);
  const { at, endedAt } = alert;
  return card(
    headline,
    `<p role="status">${escapeHtml(what)}</p>
${facts([
  ['Workspace', workspace],
  ['Given', minuteOf(at)],
  ...(endedAt === null ? [] : [['Over', minuteOf(endedAt)] as const]),
])}
<h2>What to do</h2><p>${escapeHtml(todo)}</p>
<p class="hint">The figures are those of that moment. <a href="/docs/api">REST API</a></p>`,
  );
}
