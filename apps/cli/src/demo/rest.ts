import { EmbeddedError } from '@conducktor/embedded';

/** Calls the REST API (CONTRACT.md, "REST") with an API key. Throws with the problem document's words. */
export function createRest(origin: string, apiKey: string) {
  return async function call<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(90_000),
    });
    const text = await response.text();
    if (!response.ok)
      throw new EmbeddedError(
        `The demo could not be prepared: ${method} ${path} answered ${response.status} ${text.slice(0, 300)}`,
      );
    return (text ? JSON.parse(text) : undefined) as Body;
  };
}
export type Rest = ReturnType<typeof createRest>;
