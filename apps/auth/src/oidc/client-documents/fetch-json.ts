import type { Outbound } from '@conducktor/outbound';
import { FetchFailure } from './fetch-failure.js';
import { freshSeconds, type Bounds } from './freshness.js';

export interface FetchedJson {
  value: unknown;
  /** How long it may be used again. */
  freshSeconds: number;
}

export type FetchJson = (
  url: string,
  limits: { maxBytes: number; fresh: Bounds },
) => Promise<FetchedJson>;

// An authorization answers in under ten seconds, and may have to wait for one of these.
const TIMEOUT_MS = 4_000;
const AT_ONCE = 24;
const AT_ONCE_PER_HOST = 4;

/**
 * GET of a small JSON document at an address that a stranger named. Nothing but the address is sent,
 * redirects are not followed, and both the time (4 s in all) and the number at once are bounded. More
 * than that are refused rather than queued. Throws FetchFailure.
 */
export function createFetchJson(outbound: Pick<Outbound, 'fetch'>): FetchJson {
  const running = new Map<string, number>();
  let total = 0;

  return async (url, limits) => {
    const { host } = new URL(url);
    const ofHost = running.get(host) ?? 0;
    if (total >= AT_ONCE || ofHost >= AT_ONCE_PER_HOST) {
      throw new FetchFailure('too many are being fetched right now', 'passing', 5);
    }
    total++;
    running.set(host, ofHost + 1);
    try {
      return await get(outbound, url, limits);
    } finally {
      total--;
      const left = running.get(host)! - 1;
      if (left === 0) running.delete(host);
      else running.set(host, left);
    }
  };
}

async function get(
  outbound: Pick<Outbound, 'fetch'>,
  url: string,
  { maxBytes, fresh }: { maxBytes: number; fresh: Bounds },
): Promise<FetchedJson> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await outbound
    .fetch(url, { headers: { accept: 'application/json' }, redirect: 'manual', signal })
    .catch((error: unknown) => {
      throw unreachable(error);
    });
  if (response.status !== 200) {
    await response.body?.cancel().catch(() => {});
    throw refusedBy(response.status);
  }
  const text = await readText(response, maxBytes);
  try {
    return { value: JSON.parse(text), freshSeconds: freshSeconds(response.headers, fresh) };
  } catch {
    throw new FetchFailure('it is not JSON', 'lasting');
  }
}

/** Reads as it arrives, decoded, so that a small body that unpacks to a large one is cut off too. */
async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > maxBytes) {
        throw new FetchFailure(`it is larger than ${maxBytes / 1024} KiB`, 'lasting');
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof FetchFailure ? error : unreachable(error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusedBy(status: number): FetchFailure {
  if (status >= 300 && status < 400) {
    return new FetchFailure('its address redirects, which is not followed', 'lasting');
  }
  const passing = status >= 500 || status === 429 || status === 408;
  return new FetchFailure(`its address answered with ${status}`, passing ? 'passing' : 'lasting');
}

function unreachable(error: unknown): FetchFailure {
  const causes = [error, (error as { cause?: unknown }).cause] as { name?: string }[];
  if (causes.some((cause) => cause?.name === 'OutboundRefused')) {
    return new FetchFailure('its address may not be called from here', 'lasting');
  }
  return new FetchFailure('its address could not be reached in time', 'passing');
}
