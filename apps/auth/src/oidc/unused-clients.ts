/** A registered client that nobody has consented to is forgotten after this time. */
export const UNUSED_CLIENT_SECONDS = 30 * 24 * 3600;

/** So many of them are kept at once; then the oldest go earlier. */
export const MAX_UNUSED_CLIENTS = 10_000;
