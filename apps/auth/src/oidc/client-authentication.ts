import Provider, { type KoaContextWithOIDC } from 'oidc-provider';

/** How clients may authenticate at token, revocation and introspection endpoint. */
export const AUTH_METHODS = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
] as const;

/** What clients may sign their assertions with (RFC 7523). */
export const ASSERTION_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const;

/** The request that oidc-provider is answering, when it is. */
export function currentRequest(): KoaContextWithOIDC | undefined {
  return Provider.ctx;
}

/** The assertion by which the client of this request authenticates, if it sent one. */
export function assertionOf(ctx: KoaContextWithOIDC | undefined): string | undefined {
  const value = ctx?.oidc?.params?.['client_assertion'];
  return typeof value === 'string' ? value : undefined;
}

/**
 * A client has one way to authenticate in oidc-provider. The document of a client may offer two, so
 * with such a one each request says which: whoever sends an assertion is held to it.
 */
export function offerAuthMethods(provider: Provider): void {
  const client = provider.Client.prototype;
  const { get: ofLibrary } = Object.getOwnPropertyDescriptor(client, 'clientAuthMethod')!;
  Object.defineProperty(client, 'clientAuthMethod', {
    configurable: true,
    get(this: { conducktor?: { authMethods?: string[] } }) {
      const offered = this.conducktor?.authMethods;
      return offered?.includes('private_key_jwt') && assertionOf(currentRequest()) !== undefined
        ? 'private_key_jwt'
        : ofLibrary!.call(this);
    },
  });
}

/** The `kid` in the header of a JWT that nobody has verified yet. */
export function unverifiedKid(jwt: string): string | undefined {
  try {
    const header = JSON.parse(Buffer.from(jwt.split('.')[0]!, 'base64url').toString()) as {
      kid?: unknown;
    };
    return typeof header.kid === 'string' ? header.kid : undefined;
  } catch {
    return undefined;
  }
}
