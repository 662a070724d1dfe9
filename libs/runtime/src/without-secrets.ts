/** What takes the place of a secret. */
const GONE = '[redacted]';

/** Each with what is left of it; linear in the length of the text. */
const SECRETS: readonly [RegExp, string][] = [
  [/\b(Bearer|Basic|DPoP) +[\w.~+/=-]{6,}/gi, `$1 ${GONE}`],
  // Tokens, signed or encrypted, and whatever else is an object in base64url. What follows is optional:
  // a pattern that looks for a dot in vain looks again from every place that could be a beginning.
  [/eyJ[\w-]{6,}(?:\.[\w-]*){0,4}/g, GONE],
  // Our API keys.
  [/\bck_[A-Za-z0-9]+_[\w-]+/g, `ck_${GONE}`],
  // The person and password of an address.
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"\\?#]{1,512}@/gi, `$1${GONE}@`],
  // Parameters of an address or a form that are secrets by their name.
  [
    /([?&](?:access_token|api_?key|assertion|client_secret|code|code_verifier|id_token|key|password|refresh_token|secret|sig|signature|state|token)=)[^&\s"'\\#]+/gi,
    `$1${GONE}`,
  ],
];

/** A line of the log without what looks like a secret, wherever in it. */
export function withoutSecrets(line: string): string {
  let text = line;
  for (const [secret, rest] of SECRETS) text = text.replace(secret, rest);
  return text;
}
