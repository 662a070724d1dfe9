/**
 * Headers of every answer of this service, errors included: nothing frames it, nothing sniffs its type,
 * and on https a browser never goes back to http. Answers that are documents set a policy of their own.
 */
export function securityHeaders(publicUrl: string): Record<string, string> {
  return {
    // Answers are about one workspace and change: nobody may keep them.
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
    // Not no-referrer: browsers then post forms with `Origin: null`, and Origin is checked.
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...(publicUrl.startsWith('https:')
      ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }
      : {}),
  };
}
