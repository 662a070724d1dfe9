import type { CallRequest, JournalKey, PriceQuote, ToolLabel } from '@conducktor/contracts';
import type { Decision } from '@conducktor/policy';
import type { CallToApprove } from '../approvals/types.js';
import type { ClientChannel, ClientInput, McpRequestContext } from '../mcp/ports.js';
import type { Round } from '../interaction/rounds.js';
import type { Member, Tool, Workspace } from '../workspace/types.js';

/** By what the caller came in: the grant of an access token, or an API key. */
export interface CredentialId {
  kind: 'grant' | 'key';
  id: string;
}

/** Who calls, in which workspace, by which client: the result of authenticate. */
export interface Caller {
  workspace: Workspace;
  member: Member;
  clientId: string;
  credential: CredentialId;
  scopes: readonly string[];
  /** What the audit record calls this person: e-mail, and the key where one was used. */
  actor: string;
  context: McpRequestContext;
}

/** The tool meant, out of the caller's workspace: the result of resolve. */
export interface Target {
  caller: Caller;
  tool: Tool;
}

/**
 * What policy decides on and a record names: a tool, or what else is asked of a connection
 * (`<slug>_resources/read`), which is decided, limited, recorded and sent by the same steps.
 */
export type Entry = Pick<
  Tool,
  'id' | 'shownName' | 'upstreamName' | 'connection' | 'class' | 'labels' | 'scopes' | 'cost'
>;

/** What the steps need of a client's request, whatever its method. */
export interface EntryInput extends ClientChannel {
  context: McpRequestContext;
  meta?: Record<string, unknown> | undefined;
  idempotencyKey?: string | undefined;
  input?: ClientInput | undefined;
}

/** An entry with arguments of the right shape, in canonical form (RFC 8785). */
export interface CheckedCall {
  caller: Caller;
  tool: Entry;
  input: EntryInput;
  /** What is decided on. */
  arguments: Record<string, unknown>;
  /** What is recorded. */
  argumentsJson: string;
  /** SHA-256 of `argumentsJson`, hexadecimal. */
  argumentsHash: string;
  /** What the upstream is asked. */
  sent: Pick<CallRequest, 'name' | 'argumentsJson'> & {
    /** A subscription reaches the upstream as a watch. */
    method: CallRequest['method'] | 'resources/subscribe';
  };
  /** What its client was given before, where a rule asks: set by `lookUpSeen`. */
  seen?: ReadonlySet<ToolLabel> | undefined;
  /** The request for approval that it is read for: see `Previews`. Its answer is for no client. */
  previewOf?: string | undefined;
  /** Its client comes back from the page on which others approve it: the person went there, or did not. */
  approvalShown?: 'looked-at' | 'left' | undefined;
  /** A later round of a request whose upstream asked for input; absent: the first. */
  round?: Round | undefined;
}

/** Policy said yes. Only `decide` makes one. */
export interface AllowedCall extends CheckedCall {
  decision: Decision & { effect: 'allow' };
}

/** Policy said yes, or that people are to be asked first. Only `decideTool` makes one. */
export type DecidedCall = AllowedCall | CallToApprove;

/** Within the rate limits. Only `limit` makes one. */
export type LimitedCall = DecidedCall & { withinLimits: true };

/** With what it costs at most. Only `price` makes one. */
export type PricedCall = LimitedCall & { quote: PriceQuote };

/** Approved by people, which `admit` uses up. Only `approved` makes one. */
export type ApprovedCall = CallToApprove & {
  withinLimits: true;
  quote: PriceQuote;
  approval: { id: string; bound: string };
};

/** What may be made: without approval only what policy allows without. */
export type ClearedCall =
  | (AllowedCall & { withinLimits: true; quote: PriceQuote; approval?: undefined })
  | ApprovedCall;

/** Durable: intent, audit intent and reservation are committed. Only `admit` makes one. */
export type AdmittedCall = ClearedCall & {
  callId: string;
  key: JournalKey;
  idempotencyHash: string | undefined;
};

/** A call that stands in the journal, perhaps by the hand of another gateway. */
export type RecordedCall = CheckedCall &
  Pick<AdmittedCall, 'callId'> &
  Partial<Pick<DecidedCall, 'decision'>>;
