/** A REST answer; `body` is parsed JSON, or the text when it is not JSON. */
export interface RestAnswer<Body = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

/** Calls `/api/v1` of a stack with one API key. */
export class Rest {
  constructor(
    readonly publicUrl: string,
    readonly apiKey: string,
  ) {}

  async request<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<RestAnswer<Body>> {
    const response = await fetch(`${this.publicUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    let parsed: unknown = text;
    try {
      parsed = JSON.parse(text);
    } catch {
      // A text body is compared as text.
    }
    return { status: response.status, headers: response.headers, body: parsed as Body, text };
  }

  /** As `request`, and throws with the problem document when it is not a success. */
  async must<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Body> {
    const answer = await this.request<Body>(method, path, body);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    }
    return answer.body;
  }
}
