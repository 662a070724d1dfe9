/** Callbacks of ChatGPT that are always the same; the per-connector one is matched by its shape. */
export const CHATGPT_REDIRECTS = [
  'https://chatgpt.com/connector_platform_oauth_redirect',
  'https://chatgpt.com/aip/callback',
  'https://chat.openai.com/aip/callback',
  'https://chat.openai.com/oauth/callback',
] as const;

const OTHER_REDIRECTS = [
  'https://claude.ai/api/mcp/auth_callback',
  'https://claude.com/api/mcp/auth_callback',
  'cursor://anysphere.cursor-mcp/oauth/callback',
  'https://www.cursor.com/agents/mcp/oauth/callback',
];

const CHATGPT_CONNECTOR = /^https:\/\/chatgpt\.com\/connector\/oauth\/[A-Za-z0-9_-]{1,128}$/;
// The whole authority is matched as text: no parser can then read another host into it.
const LOOPBACK = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?:\/[^#\\\s]*)?$/;

/** ChatGPT's callback for one connector: `https://chatgpt.com/connector/oauth/{id}`. */
export function isChatGptConnectorRedirect(uri: string): boolean {
  return CHATGPT_CONNECTOR.test(uri);
}

/** A program on the person's own machine (RFC 8252 section 7.3), on any port. */
export function isLoopbackRedirect(uri: string): boolean {
  return LOOPBACK.test(uri) && URL.canParse(uri);
}

/**
 * Whether a client may register this redirect address. `extra` are the operator's own, compared
 * as strings.
 */
export function isAllowedRedirect(uri: string, extra: readonly string[]): boolean {
  return (
    (CHATGPT_REDIRECTS as readonly string[]).includes(uri) ||
    OTHER_REDIRECTS.includes(uri) ||
    isChatGptConnectorRedirect(uri) ||
    isLoopbackRedirect(uri) ||
    extra.includes(uri)
  );
}

/** Where an answer goes, as the person should read it: `chatgpt.com`, `localhost:3334`, `cursor://…`. */
export function redirectHost(uri: string): string {
  const url = new URL(uri);
  return /^https?:$/.test(url.protocol) ? url.host : `${url.protocol}//${url.host}`;
}

/**
 * The source expression that lets a form be answered with a redirect to `uri` (CSP `form-action`
 * also binds redirects in Chromium). IPv6 has no source expression, so its scheme stands for it.
 */
export function redirectSource(uri: string): string {
  const url = new URL(uri);
  const isWeb = /^https?:$/.test(url.protocol);
  return isWeb && !url.hostname.startsWith('[') ? url.origin : url.protocol;
}
