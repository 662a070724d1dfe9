import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageHeaders } from '../pages/headers.js';
import type { FormGuard, FormId } from './csrf.js';
import { claimFlow, loadFlow, type Flow, type FlowDeps } from './flow.js';
import { flowEnded, formRefused } from './page-error.js';

export interface PageDeps extends FlowDeps {
  forms: FormGuard;
  publicUrl: string;
}

export type Fields = Record<string, string>;

/** The sign-in that a page was opened for, or undefined when it was opened by itself. Throws PageError. */
export async function flowOf(
  deps: PageDeps,
  request: FastifyRequest,
  step: Flow['step'],
): Promise<Flow | undefined> {
  const uid = (request.query as Record<string, unknown>)['flow'];
  if (uid === undefined) return undefined;
  const flow = await loadFlow(deps, String(uid), request.headers.cookie);
  if (flow.step !== step) throw flowEnded();
  return flow;
}

/**
 * A posted form and the sign-in it belongs to. Throws PageError for a form that was not made for
 * this browser and page, or whose sign-in has ended.
 */
export async function acceptForm(
  deps: PageDeps,
  request: FastifyRequest,
  page: FormId['page'],
  step: Flow['step'],
): Promise<{ fields: Fields; flow: Flow | undefined }> {
  const fields = textFields(request.body);
  const { cookie, origin } = request.headers;
  const flow = fields['flow'];
  if (!deps.forms.accepts({ cookie, origin, csrf: fields['csrf'] }, { page, flow }))
    throw formRefused();
  if (flow === undefined) return { fields, flow: undefined };
  const loaded = await loadFlow(deps, flow, cookie);
  if (loaded.step !== step) throw flowEnded();
  return { fields, flow: loaded };
}

/** A posted form of a page that is no part of a sign-in. `about` is what it was made for. */
export function acceptOwnForm(
  deps: PageDeps,
  request: FastifyRequest,
  page: FormId['page'],
  about: (fields: Fields) => string | undefined,
): Fields {
  const fields = textFields(request.body);
  const { cookie, origin } = request.headers;
  const form = { page, flow: about(fields) };
  if (!deps.forms.accepts({ cookie, origin, csrf: fields['csrf'] }, form)) throw formRefused();
  return fields;
}

/** The token for a form, and the browser that it is for; gives the browser its cookie when it has none. */
export function makeForm(
  deps: PageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  form: FormId,
): { csrf: string; browser: string } {
  const { setCookie, ...made } = deps.forms.issue(request.headers.cookie, form);
  if (setCookie) reply.header('set-cookie', setCookie);
  return made;
}

/** Sends a page; `passkeys` lets it load the one script that there is. */
export function sendPage(
  deps: PageDeps,
  reply: FastifyReply,
  html: string,
  options: { status?: number | undefined; flow?: Flow | undefined; passkeys?: boolean } = {},
): FastifyReply {
  const { status = 200, flow, passkeys = false } = options;
  return reply
    .code(status)
    .headers(pageHeaders(deps.publicUrl, flow ? [flow.redirectSource] : [], { passkeys }))
    .send(html);
}

/** Sends a page that is no part of a sign-in, its form made for `about`. */
export function sendOwnForm(
  deps: PageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  form: { page: FormId['page']; about: string; status?: number },
  render: (csrf: string) => string,
): FastifyReply {
  const { csrf } = makeForm(deps, request, reply, { page: form.page, flow: form.about });
  return sendPage(deps, reply, render(csrf), { status: form.status });
}

/** Takes the sign-in's step for this request, so that a form sent twice acts once. */
export const claim = claimFlow;

/** Sends a page whose form was made by `render` with a fresh token. */
export function sendForm(
  deps: PageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  form: { page: FormId['page']; flow: Flow | undefined; status?: number },
  render: (csrf: string) => string,
): FastifyReply {
  const { csrf } = makeForm(deps, request, reply, { page: form.page, flow: form.flow?.uid });
  return sendPage(deps, reply, render(csrf), { status: form.status, flow: form.flow });
}

/** See Other: the browser goes on with GET. */
export function seeOther(reply: FastifyReply, url: string): FastifyReply {
  return reply.code(303).header('location', url).header('cache-control', 'no-store').send();
}

// A field sent twice is nobody's form.
function textFields(body: unknown): Fields {
  const fields: Fields = Object.create(null) as Fields;
  for (const [name, value] of Object.entries((body ?? {}) as Record<string, unknown>)) {
    if (typeof value !== 'string') throw formRefused();
    fields[name] = value;
  }
  return fields;
}
