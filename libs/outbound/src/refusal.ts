/** A target that must not be called. Nothing was sent and no connection was opened. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused';
  readonly code = 'OUTBOUND_REFUSED';
}

/** Reads the address of an upstream; throws OutboundRefused with a sentence for what cannot be called. */
export function parseTarget(text: string): URL {
  if (!URL.canParse(text)) throw new OutboundRefused('This is not a web address.');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutboundRefused('Only http and https addresses can be called.');
  }
  if (url.username || url.password) {
    throw new OutboundRefused('The address must not hold a user name or password; use a header.');
  }
  url.hash = '';
  return url;
}
