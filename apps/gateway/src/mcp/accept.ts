export interface Accept {
  json: boolean;
  stream: boolean;
}

const JSON_ONLY: Accept = { json: true, stream: false };
const known = new Map<string, Accept>();
/** Clients send a handful of different values. */
const MAX_KNOWN = 100;

/** What the client can read. Saying nothing means JSON, as plain scripts do. */
export function acceptOf(header: string | undefined): Accept {
  if (header === undefined) return JSON_ONLY;
  let accept = known.get(header);
  if (!accept) {
    const types = header
      .toLowerCase()
      .split(',')
      .map((part) => part.split(';')[0]!.trim());
    accept = {
      json: types.some(
        (type) => type === 'application/json' || type === 'application/*' || type === '*/*',
      ),
      stream: types.includes('text/event-stream'),
    };
    if (known.size < MAX_KNOWN) known.set(header, accept);
  }
  return accept;
}
