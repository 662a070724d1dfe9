import { ApprovalReason, ConducktorError } from '@conducktor/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Control } from '../../control.js';
import { requireSession, type BrowserSession } from '../../http/browser-session.js';
import { invalidRequest } from '../../http/problem.js';
import { postedForm } from '../../pages/card-routes.js';
import { cancelApproval } from '../cancel-approval.js';
import { decideApproval } from '../decide-approval.js';
import { findApproval, type OwnApproval } from './find-approval.js';
import { approvalPage } from './page.js';

export const APPROVAL_PATH = '/approvals/:id';

/**
 * Where a call that waits is looked at and decided: for who may decide and for who asked, signed in in
 * this browser, whoever sent them the link. Works without scripts.
 */
export function mountApprovalPage(fastify: FastifyInstance, control: Control): void {
  fastify.get(APPROVAL_PATH, async (request, reply) => {
    const session = await requireSession(control, request, { navigation: true });
    return show(reply, session, await findApproval(control, session.userId, idOf(request)));
  });

  fastify.post(APPROVAL_PATH, async (request, reply) => {
    const { session, form } = await postedForm(control, request);
    const own = await findApproval(control, session.userId, idOf(request));
    try {
      await act(control, own, form);
    } catch (error) {
      if (!(error instanceof ConducktorError)) throw error;
      const now = await findApproval(control, session.userId, own.approval.id);
      return show(reply, session, now, { problem: error, reason: form.get('reason') ?? '' });
    }
    // Read again by itself: loading the page once more must not decide once more.
    return reply.redirect(APPROVAL_PATH.replace(':id', own.approval.id), 303);
  });
}

const idOf = (request: FastifyRequest) => (request.params as { id: string }).id;

async function act(
  control: Control,
  { caller, approval: { id } }: OwnApproval,
  form: URLSearchParams,
): Promise<void> {
  const wanted = form.get('do');
  if (wanted === 'cancel') return void (await cancelApproval(control, caller, id));
  if (wanted !== 'approve' && wanted !== 'reject')
    throw new ConducktorError('invalid_request', 'Choose to approve or to reject.');
  const given = ApprovalReason.safeParse({ reason: form.get('reason') ?? '' });
  if (!given.success) throw invalidRequest(given.error, 'form');
  await decideApproval(control, caller, id, wanted, given.data.reason);
}

function show(
  reply: FastifyReply,
  { csrf }: BrowserSession,
  { caller, workspace, currency, approval }: OwnApproval,
  { problem, reason = '' }: { problem?: ConducktorError; reason?: string } = {},
): FastifyReply {
  const { memberId } = caller;
  return reply.code(problem?.status ?? 200).send(
    approvalPage({
      csrf,
      workspace,
      currency,
      memberId,
      approval,
      reason,
      problem: problem?.message,
    }),
  );
}
