import { ConducktorError, type AlertView } from '@conducktor/contracts';
import { membershipsOf } from '@conducktor/db';
import type { FastifyInstance } from 'fastify';
import type { Control } from '../control.js';
import { requireSession } from '../http/browser-session.js';
import { loadCaller } from '../http/caller.js';
import { card, facts } from '../pages/card.js';
import { escapeHtml } from '../pages/layout.js';
import { alertReaders } from './alerts.routes.js';
import { alertWords } from './alert-words.js';
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
  const memberships = ID.test(id) ? await membershipsOf(control.db, userId) : [];
  for (const { tenantId, tenantName } of memberships) {
    const alert = await control.db.withTenant(tenantId, (tx) => readAlert(tx, id));
    if (!alert) continue;
    const caller = await loadCaller(control, {
      tenantId,
      via: 'session',
      clientId: 'browser',
      scopes: [],
      member: { userId },
    });
    if (!caller) break;
    alertReaders.check(caller);
    return { workspace: tenantName, alert };
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

const minuteOf = (at: string) => `${at.slice(0, 16).replace('T', ' ')} UTC`;
