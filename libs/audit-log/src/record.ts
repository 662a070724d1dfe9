import type { OutcomeKind } from '@conducktor/contracts';

/** What the journal says of a call or of a refusal: who, what, and how it was decided. */
export interface CallRecord {
  /** RFC 3339, UTC, milliseconds. */
  at: string;
  memberId: string;
  actor: string;
  clientId: string;
  connection?: string;
  tool: string;
  decision: 'allow' | 'deny';
  code?: string;
  /** The rule that decided; absent when the default did. */
  rule?: string;
  /** SHA-256 of the canonical arguments (RFC 8785), hexadecimal. */
  argumentsHash?: string;
  /** Characters of the canonical arguments. */
  argumentsSize?: number;
  /** The arguments under the person's key, base64; larger ones stand in call_body. */
  argumentsSealed?: string;
  argumentsIn?: 'call_body';
  /** What is kept of them lacks what the policy takes out; hash and size are of what was sent. */
  argumentsRedacted?: true;
  /** The request for approval that was made, or whose approval this call uses up. */
  approval?: string;
  /** The request for approval whose approvers are shown what this call gives; its client is not. */
  previewOf?: string;
  /** The allowance that refused it: `workspace`, or the kind of a limit and its id. */
  limit?: { kind: string; id?: string };
  /** What it reserved (millionths of the workspace's currency), and at which budget accounts. Absent: nothing. */
  reservedMicros?: number;
  budgets?: readonly number[];
  /** Of a call that a budget had no room for. */
  budget?: BudgetAtRefusal;
  sourceIp?: string;
  /** Equal refusals that followed the last recorded one and are summed here. */
  repeated?: number;
}

/**
 * What a budget held when it refused a call: limit < spent + held + needed. Millionths of the workspace's
 * currency.
 */
export interface BudgetAtRefusal {
  id: string;
  limitMicros: number;
  spentMicros: number;
  heldMicros: number;
  neededMicros: number;
}

export interface OutcomeRecord {
  at: string;
  connection?: string;
  tool?: string;
  outcome: OutcomeKind;
  code?: string;
  /** From sending to the answer. */
  durationMs: number;
  /** Bytes of the result as JSON, by which a price per size counts. */
  resultSize?: number;
  /** It was charged the most that its price allows: it came to more, or its service did not say to how much. */
  overMax?: true;
  /** What it came to, if that is known and more than was charged. */
  uncappedMicros?: number;
}

let lastMs = NaN;
let lastText = '';

/** RFC 3339, UTC, milliseconds: most calls of a busy gateway share theirs with the one before. */
export function timestamp(ms = Date.now()): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}

/**
 * A record as the journal's text. Strings that a person or an upstream wrote are made well-formed
 * first: a lone surrogate or NUL would be refused by jsonb later, when the call has long been made.
 */
export function encodeRecord(record: CallRecord | OutcomeRecord): string {
  const text = JSON.stringify(record);
  return text.includes('\\u') && UNSAFE.test(text) ? JSON.stringify(record, wellFormed) : text;
}

// JSON.stringify writes NUL and lone surrogates as escapes; finding one here may be a false alarm
// (an escaped backslash before), which only costs the slower path.
const UNSAFE = /\\u(?:0000|d[89a-f])/;

function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\u0000', '\ufffd') : value;
}
