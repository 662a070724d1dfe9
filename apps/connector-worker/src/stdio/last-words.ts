/** The end of what a server said, for people; a value that it was given in secret is not repeated. */
export function lastWords(stderr: string, secrets: string[]): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return secrets
    .filter((secret) => secret.length > 3)
    .reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line)
    .slice(0, 200);
}
