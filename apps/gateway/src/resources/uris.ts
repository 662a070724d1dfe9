import type { View } from '../workspace/view.js';
import type { ConnectionEntry } from '../workspace/types.js';

/**
 * Which connection a URI belongs to is written into the URI, so that one list can show the resources
 * of many upstreams and a URI of one never means something of another.
 *
 * Where the connection is prefixed: `ui://x/y` ↔ `ui://<slug>/x/y`, because hosts recognise MCP Apps by
 * that scheme; any other `s:rest` ↔ `<slug>+s:rest` (RFC 3986: a scheme begins with a letter, so a slug
 * that begins with a digit is written `s.<slug>`); text without a scheme ↔ `<slug>+:text`. `http` and
 * `https` stay as they are, because a client may fetch them itself. Elsewhere URIs stay as they are,
 * but for one that would be read as another connection's: that one is written `s.<slug>+…`.
 */
type Naming = Pick<View, 'connections' | 'isPrefixed'>;

const WEB = /^https?:/i;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const APP = /^ui:\/\/([a-z0-9-]+)\/(.*)$/s;
// A slug has neither "+" nor "." nor "_"; that is what makes all of this invertible.
const TAGGED = /^(s\.)?([a-z0-9-]+)\+:?(.*)$/s;
const TAGGED_NAME = /^(s\.)?([a-z0-9-]+)_(.*)$/s;

/** A URI or URI template (RFC 6570) of this upstream, as clients of this view see it. */
export function toClientUri(view: Naming, connection: ConnectionEntry, uri: string): string {
  const { slug } = connection;
  if (view.isPrefixed(connection)) {
    if (WEB.test(uri)) return uri;
    if (uri.startsWith('ui://')) return `ui://${slug}/${uri.slice('ui://'.length)}`;
    return `${/^[a-z]/.test(slug) ? '' : 's.'}${slug}+${afterTag(uri)}`;
  }
  return ownerOfUri(view, uri) ? `s.${slug}+${afterTag(uri)}` : uri;
}

/**
 * The connection that a client's URI or template names, and the upstream's own form of it. `undefined`:
 * it names none, and belongs to one of `untagged` connections that has such a resource.
 */
export function ownerOfUri(
  view: Naming,
  uri: string,
): { connection: ConnectionEntry; uri: string } | undefined {
  const app = APP.exec(uri);
  if (app) {
    const connection = prefixed(view, app[1]!);
    return connection && { connection, uri: `ui://${app[2]!}` };
  }
  const tagged = TAGGED.exec(uri);
  const connection = tagged && ofTag(view, tagged[1], tagged[2]!);
  return connection ? { connection, uri: tagged[3]! } : undefined;
}

/** The connections that a URI which names none may belong to, in the order of slugs. */
export function untagged(view: Naming, uri: string): ConnectionEntry[] {
  return view.connections.filter((connection) => !view.isPrefixed(connection) || WEB.test(uri));
}

/** The name of a prompt of this upstream, as clients of this view see it. */
export function toClientPrompt(view: Naming, connection: ConnectionEntry, name: string): string {
  if (view.isPrefixed(connection)) return `${connection.slug}_${name}`;
  return ownerOfPrompt(view, name) ? `s.${connection.slug}_${name}` : name;
}

/** As for URIs; a name that names no connection is one of those that are not prefixed. */
export function ownerOfPrompt(
  view: Naming,
  name: string,
): { connection: ConnectionEntry; name: string } | undefined {
  const tagged = TAGGED_NAME.exec(name);
  if (!tagged) return undefined;
  const connection = tagged[1]
    ? view.connections.find(({ slug }) => slug === tagged[2])
    : prefixed(view, tagged[2]!);
  return connection && { connection, name: tagged[3]! };
}

function afterTag(uri: string): string {
  return SCHEME.test(uri) ? uri : `:${uri}`;
}

function ofTag(view: Naming, mark: string | undefined, slug: string): ConnectionEntry | undefined {
  if (mark) return view.connections.find((connection) => connection.slug === slug);
  return /^[a-z]/.test(slug) ? prefixed(view, slug) : undefined;
}

function prefixed(view: Naming, slug: string): ConnectionEntry | undefined {
  return view.connections.find(
    (connection) => connection.slug === slug && view.isPrefixed(connection),
  );
}
