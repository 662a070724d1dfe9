/**
 * Where messages to the client can go while its request is under way: the event stream of its own
 * answer (`Reply`), or the one stream of a 2024-11-05 session.
 */
export interface Outlet {
  /** Whether anything but the answer can be sent. */
  readonly canStream: boolean;
  /** Progress. Lossy: while the client does not read, only the newest is kept. */
  notify(text: string): void;
  /** Log messages and the like, in order. While the client does not read, a bounded number is kept. */
  note(text: string): void;
  /** A request to the client. Whether it left; it may still be lost with the connection. */
  ask(text: string): boolean | Promise<boolean>;
  /** Why nothing may reach the client any more: the right by which it asked has ended. */
  readonly over: string | undefined;
  /** Called once when the stream is lost, or over, before the answer; returns what takes that back. */
  onLost(lost: () => void): () => void;
}
