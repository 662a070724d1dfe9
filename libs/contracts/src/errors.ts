/**
 * Every code that a person, client or script can meet, with its HTTP status where it travels alone.
 * `docs/errors.md` lists them; a test holds the two together.
 */
export const CODES = {
  unauthenticated: 401,
  insufficient_scope: 403,
  unknown_tool: 404,
  unknown_resource: 404,
  unknown_prompt: 404,
  invalid_arguments: 400,
  invalid_input: 400,
  client_cannot_be_asked: 400,
  input_not_given: 502,
  policy_denied: 403,
  approval_required: 403,
  approval_rejected: 403,
  approval_expired: 403,
  budget_exceeded: 403,
  price_unknown: 403,
  tool_quarantined: 403,
  frozen: 403,
  rate_limited: 429,
  idempotency_conflict: 409,
  upstream_timeout: 504,
  upstream_unavailable: 502,
  outcome_unknown: 502,
  result_withheld: 502,
  governance_unavailable: 503,
  overloaded: 503,
  service_unavailable: 503,
  cancelled: 499,
  invalid_request: 400,
  not_found: 404,
  conflict: 409,
  forbidden: 403,
  payload_too_large: 413,
  unsupported_media_type: 415,
  method_not_allowed: 405,
  internal_error: 500,
} as const;

export type Code = keyof typeof CODES;

/** An error with a stable code and a sentence fit for the person who meets it. */
export class ConducktorError extends Error {
  readonly status: number;
  constructor(
    readonly code: Code,
    message: string,
    readonly options: { status?: number; detail?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ConducktorError';
    this.status = options.status ?? CODES[code];
  }
}
