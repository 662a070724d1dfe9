import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import type { JWK } from 'oidc-provider';

/** oidc-provider takes its keys when it is made, so new keys mean a new one. Nothing of a person's or client's is kept in it. */
export interface LiveProvider {
  /**
   * For what keys have no part in: sessions, sign-ins under way, clients and grants, all of them rows in
   * the database. Stays the same.
   */
  readonly models: Provider;
  /** A request is answered to its end by the provider that took it. */
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
  useKeys(keys: JWK[]): void;
}

export function createLiveProvider(make: (keys: JWK[]) => Provider, keys: JWK[]): LiveProvider {
  const models = make(keys);
  let answer = models.callback();
  return {
    models,
    answer: (request, response) => answer(request, response),
    useKeys: (changed) => {
      answer = make(changed).callback();
    },
  };
}
