import { PASSKEY_SCRIPT_PATH } from './passkey-script.js';
import { STYLE_HASH } from './style.js';

/**
 * Headers of every page: nothing runs save the script for passkeys where the page has any, nothing is
 * loaded, nobody frames it. `redirectTo` are the sources that a form's answer may lead to besides this
 * origin.
 */
export function pageHeaders(
  publicUrl: string,
  redirectTo: readonly string[] = [],
  { passkeys = false }: { passkeys?: boolean } = {},
): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    ...(passkeys ? [`script-src ${publicUrl}${PASSKEY_SCRIPT_PATH}`] : []),
    `form-action ${["'self'", ...redirectTo].join(' ')}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cache-control': 'no-store',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
    'x-frame-options': 'DENY',
    ...answerHeaders(publicUrl),
  };
}

/** Headers of every answer of this service. */
export function answerHeaders(publicUrl: string): Record<string, string> {
  return {
    // Not no-referrer: browsers then post forms with `Origin: null`, and Origin is checked.
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    ...(publicUrl.startsWith('https:')
      ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }
      : {}),
  };
}
