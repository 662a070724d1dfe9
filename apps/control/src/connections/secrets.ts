import type { ConnectionSecrets } from '@conducktor/vault';

/** Names of headers or variables: what may be told of secrets. */
export function namesOf(secrets: ConnectionSecrets): string[] {
  return Object.keys(secrets.headers ?? secrets.env ?? {}).sort();
}

export function isEmpty(secrets: ConnectionSecrets): boolean {
  return namesOf(secrets).length === 0;
}

/**
 * An address as records and exports keep it, with the names of its parameters and not their values: many
 * services take their key in one.
 */
export function recordedUrl(url: string): string {
  return url.replace(/([?&][^=&]*=)[^&]*/g, '$1…');
}
