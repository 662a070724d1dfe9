import type { Code } from '@conducktor/contracts';
import type { GovernedDeps } from '../governed.js';
import { redactPage } from '../redact/redacted.js';
import { lookUpSeen } from '../taint/look-up.js';
import { admit } from '../tool-call/admit.js';
import { checkEntry } from '../tool-call/check-entry.js';
import { decide } from '../tool-call/decide.js';
import { dispatch } from '../tool-call/dispatch.js';
import { entryOf } from '../tool-call/entries.js';
import { limitedBy, type WithinRequestLimit } from '../tool-call/limit.js';
import { Refusal } from '../tool-call/refusal.js';
import { mayRead } from '../tool-call/require-scope.js';
import { settle } from '../tool-call/settle.js';
import type { AllowedCall, EntryInput } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { ConnectionEntry } from '../workspace/types.js';
import { LISTS, type ListMethod } from './lists.js';
import type { CachedPage } from './page-cache.js';
import { FAILED_PAGE, readPage, type Page } from './read-page.js';

// A list of many upstreams does not wait for the slowest of them.
const WAIT_MS = 8_000;
// Nobody waits for approvers to see a list.
const DENIED: ReadonlySet<Code> = new Set<Code>(['policy_denied', 'approval_required', 'frozen']);

/**
 * One page of one upstream's list, out of the cache or by a governed, recorded call of its own; a page
 * that was not read in time is a failed one, and there when it is asked for again; so is one for which
 * the caller lacks a scope that its connection declares, in a list of several. `denied`: policy does not
 * let this caller list it, or it is frozen.
 */
export async function fetchPage(
  deps: GovernedDeps,
  request: WithinRequestLimit,
  method: ListMethod,
  connection: ConnectionEntry,
  cursor: string | undefined,
): Promise<CachedPage | 'denied'> {
  const { caller } = request;
  const params = cursor === undefined ? {} : { cursor };
  const entry = entryOf(connection, method);
  let allowed: AllowedCall;
  try {
    const asked = { method, entry, arguments: params, name: '' };
    allowed = decide(await lookUpSeen(deps, checkEntry(caller, asked, inputOf(request))));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (DENIED.has(error.code)) return 'denied';
    // What one connection asks for does not keep the lists of the others: at its own path it is asked.
    const isOneOfMany = viewFor(caller).connections.length > 1;
    if (error.code === 'insufficient_scope' && mayRead(caller) && isOneOfMany)
      return { page: FAILED_PAGE, ttlMs: FAILED_PAGE.ttlMs };
    throw error;
  }
  const key = {
    connectionId: connection.id,
    list: LISTS[method].capability,
    rest: JSON.stringify([
      caller.member.id,
      method,
      cursor ?? null,
      connection.revision,
      caller.context.capabilities ?? null,
    ]),
  };
  const read = await inTime(deps.pages.get(key, () => callForPage(deps, request, method, allowed)));
  return { ...read, page: redactPage(allowed.decision.redactions, read.page) };
}

async function callForPage(
  deps: GovernedDeps,
  request: WithinRequestLimit,
  method: ListMethod,
  allowed: AllowedCall,
): Promise<Page> {
  const admitted = await admit(deps, limitedBy(request, allowed));
  // Only a call with an idempotency key is attached to another one.
  if ('attachedTo' in admitted) return FAILED_PAGE;
  const outcome = await dispatch(deps, admitted);
  // What the client gets is made of many pages, so none of them is an answer.
  await settle(deps, admitted, outcome, { kind: 'result', result: {} });
  return readPage(method, outcome);
}

/** Nothing of one client's request but what it can: the page may be another request's as well. */
function inputOf({ caller }: WithinRequestLimit): EntryInput {
  const { logLevel: _, ...context } = caller.context;
  return { context, signal: new AbortController().signal };
}

async function inTime(read: Promise<CachedPage>): Promise<CachedPage> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CachedPage>((resolve) => {
    timer = setTimeout(() => resolve({ page: FAILED_PAGE, ttlMs: 0 }), WAIT_MS);
  });
  try {
    return await Promise.race([read, late]);
  } finally {
    clearTimeout(timer);
  }
}
