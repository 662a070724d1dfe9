import { benchPolicy, mixedPolicy, slugOf, toolsOfConnections } from './workload.mjs';

/** Enough to keep both cores busy, few enough that no request waits for its turn too long. */
const AT_ONCE = 8;

/**
 * Makes and fills the workspaces of `workload` over the REST API, a few at a time, with all connections
 * at `upstreamUrl`. Returns what `create` gave for each, in order.
 */
export async function seedWorkspaces({ workload, upstreamUrl, api, create }) {
  const seeded = [];
  let next = 0;
  const run = async () => {
    while (next < workload.workspaces) {
      const i = next++;
      seeded[i] = await create(`bench ${i}`);
      await fill(restClient(api, seeded[i].owner.apiKey), workload, upstreamUrl);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  return seeded;
}

async function fill(post, workload, upstreamUrl) {
  for (const [i, count] of toolsOfConnections(workload).entries()) {
    const url = count === 1 ? upstreamUrl : `${upstreamUrl}?tools=${count}`;
    const { id } = await post('/connections', { slug: slugOf(i), kind: 'mcp-http', url });
    const { status } = await post(`/connections/${id}/test`);
    if (status !== 'ACTIVE') throw new Error(`The connection ${slugOf(i)} is ${status}.`);
  }
  const policyOf = workload.mixed ? mixedPolicy : benchPolicy;
  const { version } = await post('/policies', { document: policyOf(workload.rules) });
  await post(`/policies/${version}/activate`);
}

function restClient(api, key) {
  return async (path, body) => {
    const response = await fetch(`${api}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  };
}
