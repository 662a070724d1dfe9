import type { DeclaredScope } from '@conducktor/contracts';
import { compileGlob } from '@conducktor/policy';

/** The scopes that a call needs beside mcp:read or mcp:write, by the upstream's own name of what is called. */
export type ScopesOf = (upstreamName: string) => readonly string[];

/** What a connection declares, ready to be asked. Undefined: it declares nothing. */
export function compileScopes(declared: readonly DeclaredScope[]): ScopesOf | undefined {
  if (declared.length === 0) return undefined;
  const compiled = declared.map(({ scope, tools }) => ({ scope, globs: tools.map(compileGlob) }));
  return (upstreamName) =>
    compiled
      .filter(({ globs }) => globs.some((matches) => matches(upstreamName)))
      .map(({ scope }) => scope);
}
