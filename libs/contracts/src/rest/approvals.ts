import { z } from 'zod';
import { ToolClass } from '../policy-document.js';
import { idOf, Instant, PageQuery, Timestamp } from './common.js';

/**
 * `pending`: people decide. `approved`: the call may be made, once. `running`: it is being made. `done`: it
 * was, see `outcome`. `void`: what it is bound to has changed, or it was taken back. Nothing follows
 * `rejected`, `expired`, `void` and `done`.
 */
export const ApprovalState = z.enum([
  'pending',
  'approved',
  'rejected',
  'expired',
  'void',
  'running',
  'done',
]);
export type ApprovalState = z.infer<typeof ApprovalState>;

/** The reason of a request that is `void` because its requester wanted that; SQL knows it too. */
export const TAKEN_BACK = 'It was taken back by the person who asked.';

export const ApprovalQuery = PageQuery.extend({
  status: ApprovalState.optional(),
  /** `decide`: what the caller can vote on now. `mine`: what they asked for. Without it: all they may see. */
  whose: z.enum(['decide', 'mine']).optional(),
});
export type ApprovalQuery = z.infer<typeof ApprovalQuery>;

/** A rule that wants the call approved, and how far that is. */
const DemandView = z.object({
  rule: z.string(),
  /** Whom the request was sent to, as the requester reads it. */
  sentTo: z.string(),
  needed: z.int().meta({ description: 'How many different people must approve' }),
  given: z.int().meta({ description: 'How many have, counted by what they are now' }),
  message: z.string().nullable(),
});

const VoteView = z.object({
  by: z.string().meta({ description: 'E-mail address' }),
  /** In whose place, if they were stood in for. */
  inPlaceOf: z.string().nullable(),
  vote: z.enum(['approve', 'reject']),
  reason: z.string(),
  at: Timestamp,
});

export const ApprovalView = z
  .object({
    id: idOf('apr'),
    status: ApprovalState,
    tool: z.string(),
    connection: z.string(),
    class: ToolClass,
    /** As they would be sent. Null unless `argumentsState` is `available`. */
    arguments: z.unknown(),
    /** `too_large`: over what a list holds, read the request itself. `erased`: kept no longer. */
    argumentsState: z.enum(['available', 'too_large', 'erased']),
    /** SHA-256 of the arguments as RFC 8785 writes them, hexadecimal. */
    argumentsHash: z.string(),
    requester: z.string().meta({ description: 'E-mail address' }),
    requesterId: idOf('mem'),
    client: z.string(),
    clientName: z.string().nullable(),
    /** The first of the rules that want it approved. */
    rule: z.string(),
    demands: z.array(DemandView),
    votes: z.array(VoteView),
    costMicros: z.int(),
    /** `run`: the call is made when it is approved. `wait`: when the requester makes it again. */
    onApproval: z.enum(['run', 'wait']),
    createdAt: Timestamp,
    expiresAt: Timestamp,
    decidedAt: Timestamp.nullable(),
    decidedReason: z.string().nullable(),
    /** Of the call that was made. */
    callId: z.string().nullable(),
    outcome: z.string().nullable(),
    mayDecide: z.boolean().meta({ description: 'Whether the caller can vote on it now' }),
    url: z.string().meta({ description: 'The page where it is decided' }),
  })
  .meta({ id: 'Approval' });
export type ApprovalView = z.infer<typeof ApprovalView>;

/** An earlier request for the same tool that came to an end. */
const SimilarApproval = z.object({
  id: idOf('apr'),
  requester: z.string(),
  status: ApprovalState,
  decidedBy: z.array(z.string()),
  reason: z.string().nullable(),
  at: Timestamp,
  /** How much of the arguments is the same, from 0 to 1; null: they could not be compared. */
  likeness: z.number().nullable(),
});

const PreviewView = z.object({
  /** As clients see it. */
  tool: z.string(),
  /** `waiting`: it is being read, for some seconds at most. `none`: `reason` says why. `erased`: the person's key was destroyed. */
  state: z.enum(['available', 'waiting', 'none', 'erased']),
  at: Timestamp.nullable().meta({ description: 'When it was read, or why not was found' }),
  /** What the tool gave: JSON on many lines, or text. */
  content: z.string().nullable(),
  /** Whether there was more of it than is kept, 64 KiB. */
  cut: z.boolean(),
  /** A sentence. */
  reason: z.string().nullable(),
});

const PreviewSides = z.object({
  before: PreviewView.nullable(),
  after: PreviewView.nullable(),
});

export const ApprovalDetail = ApprovalView.extend({
  /** What other tools of the connection gave when this was asked for. Null: the tool has no preview. */
  preview: PreviewSides.nullable(),
  /** Of those that the caller may see, most alike first. Empty for who asked. */
  similar: z.array(SimilarApproval),
}).meta({ id: 'ApprovalDetail' });
export type ApprovalDetail = z.infer<typeof ApprovalDetail>;

export const ApprovalReason = z.strictObject({
  /** The requester reads it; a rejection should have one. */
  reason: z
    .string()
    .trim()
    .max(1_000)
    .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'must be one line of visible text')
    .default(''),
});
export type ApprovalReason = z.infer<typeof ApprovalReason>;

export const ApprovalDecided = z
  .object({
    id: idOf('apr'),
    /** `pending`: more people have to approve. */
    status: ApprovalState,
    /** What happens now, a sentence. */
    next: z.string(),
  })
  .meta({ id: 'ApprovalDecided' });
export type ApprovalDecided = z.infer<typeof ApprovalDecided>;

export const NewDelegation = z.strictObject({
  /** Who votes in the caller's place: a member's id or e-mail address. */
  to: z.string().min(3).max(320),
  /** Ninety days from now at most. */
  until: Instant,
});
export type NewDelegation = z.infer<typeof NewDelegation>;

export const DelegationView = z
  .object({
    id: idOf('dlg'),
    from: z.string().meta({ description: 'E-mail address' }),
    fromMemberId: idOf('mem'),
    to: z.string().meta({ description: 'E-mail address' }),
    toMemberId: idOf('mem'),
    until: Timestamp,
    createdAt: Timestamp,
  })
  .meta({ id: 'ApprovalDelegation' });
export type DelegationView = z.infer<typeof DelegationView>;
