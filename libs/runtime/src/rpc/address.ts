export type RpcAddress = { host: string; port: number } | { path: string };

/** `host:port`, `[v6]:port` or `/path/of/a/unix/socket`; throws with what is wrong. */
export function parseRpcAddress(text: string): RpcAddress {
  if (text.startsWith('/')) return { path: text };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) {
    throw new Error(`A worker's address must be host:port or the path of a socket, not "${text}".`);
  }
  return { host: (match[1] ?? match[2])!, port };
}

export const describeAddress = (address: RpcAddress): string =>
  'path' in address ? address.path : `${address.host}:${address.port}`;
