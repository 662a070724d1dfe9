import type { ConnectionSecrets } from '@conducktor/vault';

/** Names of headers or variables: what may be told of secrets. */
export function namesOf(secrets: ConnectionSecrets): string[] {
  return Object.keys(secrets.headers ?? secrets.env ?? {}).sort();
}

export function isEmpty(secrets: ConnectionSecrets): boolean {
  return namesOf(secrets).length === 0;
}
