import type {
  AskNote,
  CallRequest,
  CallResult,
  LateOutcome,
  NotificationNote,
  ProgressNote,
  RefreshRequest,
  RefreshResult,
  ReplyNote,
  ResumeRequest,
  UpstreamEvent,
  WatchAnswer,
  WatchRequest,
} from '@conducktor/contracts';

/** A gateway or control process that proved itself. */
export interface RpcPeer {
  readonly instanceId: string;
  readonly takesLate: boolean;
  /** False when the connection is gone; then nothing was sent. */
  sendLate(outcomes: LateOutcome[]): boolean;
}

/** One call as its handler sees it. */
export interface RpcExchange {
  readonly peer: RpcPeer;
  readonly cancelled: boolean;
  /** Set by the handler: the caller gave up. The handler still answers. Not called when the peer is lost. */
  onCancel: (() => void) | undefined;
  /** Set by the handler: a reply to one of its asks. */
  onReply: ((note: ReplyNote) => void) | undefined;
  /** Dropped when the peer is gone. */
  progress(note: ProgressNote): void;
  /** Dropped when the peer is gone, or when it is too long for a frame. */
  notify(note: NotificationNote): void;
  /** False when it cannot be sent: the peer is gone, or the question is too long for a frame. */
  ask(note: AskNote): boolean;
}

/** One watch as its handler sees it. */
export interface RpcWatch {
  readonly peer: RpcPeer;
  readonly closed: boolean;
  /** Set by the handler: nobody listens any more. Called once, also when the peer is lost; not after `end`. */
  onClose: (() => void) | undefined;
  event(event: UpstreamEvent): void;
  /** The watch is over, for this reason. */
  end(message: string): void;
}

export interface RpcHandlers {
  /** Must always resolve; the answer is dropped when the peer is gone by then. */
  call(request: CallRequest, exchange: RpcExchange): Promise<CallResult>;
  /** Must always resolve, as `call`. */
  resume(request: ResumeRequest, exchange: RpcExchange): Promise<CallResult>;
  /** Must always resolve; a watch that is refused is over. */
  watch(request: WatchRequest, watch: RpcWatch): Promise<WatchAnswer>;
  refresh(request: RefreshRequest): Promise<RefreshResult>;
  committed(callIds: string[], peer: RpcPeer): void;
  joined?(peer: RpcPeer): void;
  left?(peer: RpcPeer): void;
}
