import { SCENARIOS } from './scenarios.ts';
import { signInAndCall } from './sign-in.ts';
import { openUpstream } from './upstream.ts';

/** What the suite tells the client of a scenario. */
export interface Part {
  scenario: string;
  /** Of the suite's server. */
  url: string;
  /** JSON. */
  context: string;
  revision: string;
}

/** Does what our client side has to do in a scenario; throws what a client would end with. */
export async function play({ scenario, url, context, revision }: Part): Promise<void> {
  const read = JSON.parse(context);
  if (scenario.startsWith('auth/')) return await signInAndCall(url, revision, read);
  const own = SCENARIOS[scenario];
  if (!own) throw new Error(`No part is written for the scenario "${scenario}".`);
  const upstream = openUpstream(url);
  try {
    await own(upstream, read);
  } finally {
    await upstream.close();
  }
}
