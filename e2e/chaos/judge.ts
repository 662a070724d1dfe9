import { createHash } from 'node:crypto';
import type { Evidence } from './evidence.ts';
import { judgeMoney } from './judge-money.ts';
import type { Mishap } from './mishaps.ts';
import { answerTo } from './upstream.ts';
import type { Workspace } from './workspaces.ts';

/** What must be 0, each with some of what was found. */
export interface Finding {
  check: string;
  count: number;
  examples: string[];
}

export interface Verdict {
  findings: Finding[];
  figures: Record<string, number>;
}

export interface Case {
  evidence: Evidence;
  workspaces: readonly Workspace[];
  /** How often each note arrived at the upstream. */
  arrived: ReadonlyMap<string, number>;
  mishaps: readonly Mishap[];
}

/** What is certain not to have been sent, in the words of the journal and of answers. */
const NOT_SENT: ReadonlySet<string> = new Set(['not_sent', 'unavailable']);
const TOLD_NOT_SENT: ReadonlySet<string> = new Set([
  'upstream_unavailable',
  'governance_unavailable',
  'service_unavailable',
  'rate_limited',
  'budget_exceeded',
]);
/** A worker tries this long and longer to hand over what a gateway left. */
const HANDOVER_MS = 15_000;

/**
 * Compares what clients were told, what the journal holds, what is sealed, what is reserved and charged,
 * and what reached the upstream. Calls that are held open are no finding; a call that is neither
 * settled nor held is.
 */
export function judge({ evidence, workspaces, arrived, mishaps }: Case): Verdict {
  const { attempts, intents, doubled, audit } = evidence;
  const byCall = new Map(intents.map((intent) => [intent.callId, intent]));
  const byHash = Map.groupBy(intents, (intent) => intent.argumentsHash);
  const byNote = Map.groupBy(attempts, (attempt) => attempt.sent.note);
  // What a cap refused has an id, too: of its record.
  const acknowledged = attempts.filter(
    ({ ended }) => ended?.callId !== undefined && ended.code !== 'budget_exceeded',
  );
  const succeeded = attempts.filter(({ ended }) => ended?.ok);
  const damaged = succeeded.filter(({ ended }) => ended!.said !== undefined);
  const outcomeOf = (callId: string | undefined) => byCall.get(callId ?? '')?.outcome ?? undefined;
  const findings: Finding[] = [];
  const mustBeNone = <Item>(check: string, items: readonly Item[]) =>
    findings.push({
      check,
      count: items.length,
      examples: items.slice(0, 5).map((item) => JSON.stringify(item)),
    });

  mustBeNone(
    'acknowledged without an intent',
    acknowledged.filter(({ ended }) => !byCall.has(ended!.callId!)),
  );
  mustBeNone(
    'acknowledged under the intent of another call',
    acknowledged.filter(({ ended, sent }) => {
      const intent = byCall.get(ended!.callId!);
      return (
        intent &&
        (intent.argumentsHash !== hashOfNote(sent.note) ||
          intent.tenantId !== workspaces[sent.tenant]!.tenantId)
      );
    }),
  );
  // A success may only become unknown where gateway and worker died before either could record it; one
  // that waited for its commit never does.
  mustBeNone(
    'a success that is recorded as something else',
    succeeded.filter(({ sent, ended }) => {
      const intent = byCall.get(ended!.callId!);
      if (!intent || intent.outcome === 'ok' || intent.held !== null) return false;
      if (intent.outcome !== 'unknown' || sent.key || sent.tool === 'delete_note') return true;
      return !bothDied(mishaps, sent.at, ended!.ended + HANDOVER_MS);
    }),
  );
  mustBeNone(
    'a success that never happened',
    succeeded.filter(({ sent }) => !arrived.has(sent.note)),
  );
  mustBeNone(
    'the result of another call',
    attempts.filter(({ sent, ended }) => {
      if (ended?.said === undefined) return false;
      const { said } = ended;
      const note = said.startsWith(answerTo('')) ? said.slice(answerTo('').length) : said;
      return (
        (note !== sent.note && byNote.has(note)) ||
        workspaces.some(({ canary }, tenant) => tenant !== sent.tenant && said.includes(canary))
      );
    }),
  );
  mustBeNone(
    'a result with other bytes than the upstream sent',
    damaged.filter(
      ({ sent, ended }) =>
        !mishaps.some(
          ({ damages, from, to }) => damages === true && from <= ended!.ended && to >= sent.at,
        ),
    ),
  );

  mustBeNone(
    'acted twice',
    [...arrived].filter(([, times]) => times > 1),
  );
  mustBeNone(
    'acted without an intent',
    [...arrived.keys()].filter((note) => !byHash.has(hashOfNote(note))),
  );
  mustBeNone(
    'recorded as not sent, and was sent',
    [...arrived.keys()].filter((note) =>
      byHash
        .get(hashOfNote(note))
        ?.every(({ outcome }) => outcome !== null && NOT_SENT.has(outcome)),
    ),
  );
  mustBeNone(
    'told as not sent, and was sent',
    [...byNote]
      .filter(
        ([note, tries]) =>
          arrived.has(note) &&
          tries.every(
            ({ ended }) =>
              ended &&
              !ended.ok &&
              ended.code !== undefined &&
              (ended.state === 'refused' || TOLD_NOT_SENT.has(ended.code)),
          ),
      )
      .map(([, tries]) => tries.at(-1)),
  );

  mustBeNone('two rows where there may be one', doubled);
  mustBeNone(
    'an intent that is neither settled nor held',
    intents.filter(({ outcome, held }) => outcome === null && held === null),
  );
  mustBeNone(
    'an intent that is settled and held',
    intents.filter(({ outcome, held }) => outcome !== null && held !== null),
  );
  judgeMoney(evidence, mustBeNone);
  mustBeNone(
    'a sequence with gaps, or that says something else than the journal',
    workspaces.flatMap(({ tenantId }) => {
      const own = intents.filter((intent) => intent.tenantId === tenantId);
      const sealed = audit.find((row) => row.tenantId === tenantId);
      const settled = own.filter(({ outcome }) => outcome !== null);
      const expected = {
        calls: own.length,
        outcomes: settled.length,
        costs: settled.reduce((sum, { cost }) => sum + cost!, 0),
      };
      const fits =
        sealed &&
        sealed.firstSeq === 1 &&
        sealed.lastSeq === sealed.events &&
        sealed.disordered === 0 &&
        sealed.calls === expected.calls &&
        sealed.outcomes === expected.outcomes &&
        sealed.costs === expected.costs;
      return fits ? [] : [{ sealed, expected }];
    }),
  );

  const state = (name: string) => attempts.filter(({ ended }) => ended?.state === name).length;
  const ended = (name: string) => intents.filter(({ outcome }) => outcome === name).length;
  return {
    findings,
    figures: {
      calls: attempts.length,
      acknowledged: acknowledged.length,
      succeeded: succeeded.length,
      refused: state('refused'),
      lost: state('lost'),
      intents: intents.length,
      'of them unknown': ended('unknown'),
      'of them not sent': ended('not_sent') + ended('unavailable'),
      'of them held open': intents.filter(({ held }) => held !== null).length,
      'of them unknown, with their price held': intents.filter(({ unsure }) => unsure !== null)
        .length,
      'of them unknown first, and reconciled': intents.filter(
        ({ reconciled }) => reconciled !== null,
      ).length,
      'refused by a cap': attempts.filter(({ ended: told }) => told?.code === 'budget_exceeded')
        .length,
      'successes recorded as unknown': succeeded.filter(
        ({ ended: told }) => outcomeOf(told!.callId) === 'unknown',
      ).length,
      'results damaged on the way from the upstream': damaged.length,
      'arrived at the upstream': arrived.size,
      'without a code': attempts.filter(
        ({ ended: told }) => told && !told.ok && told.state !== 'lost' && !told.code,
      ).length,
    },
  };
}

/** SHA-256 of the canonical JSON of the arguments, as the journal has it. */
function hashOfNote(note: string): string {
  let hash = hashes.get(note);
  if (!hash) {
    hash = createHash('sha256').update(JSON.stringify({ note })).digest('hex');
    hashes.set(note, hash);
  }
  return hash;
}
const hashes = new Map<string, string>();

function bothDied(mishaps: readonly Mishap[], from: number, to: number): boolean {
  const died = (group: string) =>
    mishaps.some((one) => one.killed?.startsWith(group) && one.from >= from && one.from <= to);
  return died('gateway') && died('worker');
}
