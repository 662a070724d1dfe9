import {
  ConducktorError,
  type ExplainRequest,
  type PolicyExplanation,
} from '@conducktor/contracts';
import { findAuditEvent, recordControlEvent, type AuditRow } from '@conducktor/db';
import { explain, type PolicyCaller, type PolicyTool } from '@conducktor/policy';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { viewOf, type CallToExplain } from './explanation-view.js';
import { policyToTry, type PolicyToTry } from './policy-to-try.js';
import { recordedArguments } from './rehearsal/recorded-arguments.js';
import { seenBefore } from './rehearsal/seen-before.js';
import { ASSUMED_SCOPES, readWorld, type World } from './rehearsal/world.js';

const UNKNOWN_PERSON = 'somebody who is no member';

/**
 * Decides one call, made up or recorded, and tells every rule's part in it. A recorded call's arguments
 * are opened for owners and admins, and for whoever may read them anyway; that is recorded.
 */
export async function explainCall(
  control: Control,
  caller: Caller,
  asked: ExplainRequest,
): Promise<PolicyExplanation> {
  const tried = await policyToTry(control, caller, asked);
  const world = await readWorld(control, caller.tenantId);
  const recorded = await recordedCall(control, caller, asked);
  const call = await callOf(control, caller, asked, { world, recorded, tried });
  const { caller: person, tool, args, at, sourceIp, seen } = call;
  const explanation = explain(tried.policy, {
    caller: person,
    tool,
    args,
    context: { now: at, sourceIp, seen },
  });
  return viewOf(tried, call, explanation);
}

async function recordedCall(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  { event, args }: ExplainRequest,
): Promise<AuditRow | undefined> {
  if (event === undefined) return undefined;
  const opens = args === undefined;
  const may =
    caller.roles.some((role) => role === 'owner' || role === 'admin') ||
    caller.permissions.includes('audit:payloads');
  if (opens && !may)
    throw new ConducktorError(
      'forbidden',
      'Permission denied: explaining a recorded call looks at its arguments. Send "args" of your own, or ask an owner for the permission "audit:payloads".',
    );
  return db.withTenant(caller.tenantId, async (tx) => {
    const row = found(await findAuditEvent(tx, event), 'event');
    if (row.kind === 'control')
      throw new ConducktorError('invalid_request', '"event": is not a call.');
    if (opens)
      await recordControlEvent(tx, {
        action: 'policy.explain',
        memberId: caller.memberId,
        actor: caller.email,
        clientId: caller.clientId,
        eventId: row.id,
        ofCall: row.callId,
        ofMember: row.memberId,
      });
    return row;
  });
}

async function callOf(
  control: Control,
  { tenantId, email }: Caller,
  asked: ExplainRequest,
  about: { world: World; recorded: AuditRow | undefined; tried: PolicyToTry },
): Promise<CallToExplain> {
  const { world, recorded, tried } = about;
  const notes: string[] = [];
  const client = asked.client ?? recorded?.client ?? 'test';
  const person = personOf(world, asked.member ?? recorded?.memberId ?? email, client);
  if (!person)
    notes.push(`${asked.member ?? 'The person'} is no member: taken as having only what was sent.`);
  const tool = toolOf(asked, about, notes);
  const { sourceIp } = recorded?.detail ?? {};
  const at = asked.at === undefined ? (recorded?.at ?? new Date()) : new Date(asked.at);
  const caller: PolicyCaller = {
    memberId: person?.memberId ?? 'mem_test',
    userId: person?.userId ?? 'usr_test',
    email: person?.email ?? asked.member ?? UNKNOWN_PERSON,
    groups: asked.groups ?? person?.groups ?? [],
    roles: asked.roles ?? person?.roles ?? ['member'],
    clientId: client,
    scopes: asked.scopes ?? ASSUMED_SCOPES,
  };
  const seen =
    asked.seen ??
    (recorded && (await seenBefore(control, tenantId, { world, recorded, policy: tried.policy })));
  return {
    caller,
    tool,
    args: asked.args ?? (await argumentsOf(control, tenantId, recorded, notes)),
    at,
    sourceIp: asked.sourceIp ?? (typeof sourceIp === 'string' ? sourceIp : undefined),
    seen: new Set(seen),
    notes,
  };
}

function personOf(world: World, member: string, client: string): PolicyCaller | undefined {
  const id = /^mem_[0-9A-Za-z]{22}$/.test(member) ? member : world.memberCalled(member);
  return id === undefined ? undefined : world.caller(id, client);
}

function toolOf(
  asked: ExplainRequest,
  { world, recorded }: { world: World; recorded: AuditRow | undefined },
  notes: string[],
): PolicyTool {
  const name = asked.tool ?? recorded?.tool ?? '';
  const known = world.tool(name, recorded?.connection ?? connectionIn(name));
  if (!known && asked.class === undefined)
    notes.push(`${name} is in no catalogue: taken as a write.`);
  return {
    ...(known ?? {
      name,
      upstreamName: name.slice(connectionIn(name).length + 1),
      connection: connectionIn(name),
      class: 'write',
      labels: [],
    }),
    ...(asked.class === undefined ? {} : { class: asked.class }),
    ...(asked.labels === undefined ? {} : { labels: asked.labels }),
  };
}

// Slugs have no underscore.
const connectionIn = (name: string) => name.split('_', 1)[0]!;

async function argumentsOf(
  control: Control,
  tenantId: string,
  recorded: AuditRow | undefined,
  notes: string[],
): Promise<Record<string, unknown>> {
  if (!recorded || recorded.kind === 'control') return {};
  const { client: clientId, kind, ...rest } = recorded;
  const known = await recordedArguments(control, tenantId, [{ ...rest, kind, clientId }]);
  const made = known.get(recorded.seq)!;
  if ('args' in made) return made.args;
  notes.push(`The arguments of this call cannot be read (${made.notKept}): taken as none.`);
  return {};
}
