export type OAuthRefusalCode =
  /** A server answered with a redirect, which is never followed with credentials in hand. */
  | 'redirected'
  /** What a server says about itself contradicts itself or what was asked, or cannot be used. */
  | 'bad_metadata'
  /** The answer at the redirect is not the one to the authorization that was begun. */
  | 'wrong_answer'
  /** The person, or the authorization server, said no. */
  | 'denied'
  /** The authorization server knows no way to become its client. */
  | 'no_client'
  /** A token of a kind that is not sent. */
  | 'bad_token'
  /** A request to somewhere else than the server that the tokens are for. */
  | 'other_server';

/** Why this client goes no further. The message names what to look at and holds no secret. */
export class OAuthRefusal extends Error {
  constructor(
    readonly code: OAuthRefusalCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'OAuthRefusal';
  }
}
