import type { ConformanceUpstream, Revision, RevisionClient } from '@conducktor/testing';

// oxlint-disable-next-line typescript/no-explicit-any -- answers are judged, not trusted
type Json = Record<string, any>;

/** One client in front of one upstream, through the gateway, by the names that `/mcp` shows. */
export interface Pairing {
  client: RevisionClient;
  upstream: ConformanceUpstream;
  slug: string;
  /** Every pairing of the matrix. */
  all: readonly Omit<Pairing, 'all'>[];
}

/** `works` is what the client sees when nothing had to change; other words are keys of the legend. */
export type Verdict = 'works' | 'converted' | 'not offered' | 'cannot ask';

export interface Feature {
  name: string;
  /** Throws when the answer is neither right nor one of the documented others. */
  run(pairing: Pairing): Promise<Verdict>;
  /** What is to be expected of this pair of revisions. */
  expect(client: Revision, upstream: Revision): Verdict;
}

const shown = ({ slug }: Pairing, name: string) => `${slug}_${name}`;
const uriOf = ({ slug }: Pairing, uri: string) => `${slug}+${uri}`;
const always = (): Verdict => 'works';

/** Offered by upstreams from a revision on; older clients get something that they can read instead. */
const since =
  (upstreamSince: Revision, clientSince: Revision = '2024-11-05', otherwise: Verdict = 'works') =>
  (client: Revision, upstream: Revision): Verdict => {
    if (upstream < upstreamSince) return 'not offered';
    return client < clientSince ? otherwise : 'works';
  };

/** Runs a tool and judges its result; a tool that the upstream does not have is unknown by name. */
const tool =
  (name: string, judge: (result: Json, pairing: Pairing) => Verdict | void, args: Json = {}) =>
  async (pairing: Pairing): Promise<Verdict> => {
    let result: Json;
    try {
      result = await pairing.client.callTool(shown(pairing, name), args);
    } catch (error) {
      const { code, message } = error as { code?: number; message: string };
      if (code === -32602 && message.includes('Unknown tool')) return 'not offered';
      // A server of 2026-07-28 says by this error what it would have had to ask for.
      if (code === -32021) return 'cannot ask';
      throw error;
    }
    return judge(result, pairing) ?? 'works';
  };

function must(condition: unknown, what: string, seen?: unknown): asserts condition {
  if (!condition) throw new Error(`${what}: ${JSON.stringify(seen)?.slice(0, 400)}`);
}

const textIs = (expected: string) => (result: Json) => {
  const text = result['content']?.[0]?.text;
  must(text === expected, `expected "${expected}"`, result);
};

/** What an upstream answers that wants to ask and was told that nobody can be asked. */
const asked = (expected: (text: string) => boolean) => (result: Json) => {
  const text = String(result['content']?.[0]?.text);
  if (result['isError'] === true && /does not support|capabilit|Method not found/i.test(text))
    return 'cannot ask';
  must(result['isError'] !== true && expected(text), 'the answer is in the result', result);
};

const canElicit =
  (upstreamSince: Revision, clientSince: Revision) =>
  (client: Revision, upstream: Revision): Verdict => {
    if (upstream < upstreamSince) return 'not offered';
    return client < clientSince ? 'cannot ask' : 'works';
  };

const list =
  (method: string, key: string, mine: (item: Json, pairing: Pairing) => boolean, least: number) =>
  async (pairing: Pairing): Promise<Verdict> => {
    const items: Json[] = [];
    let cursor: unknown;
    do {
      const page: Json = await pairing.client.request(
        method,
        cursor === undefined ? {} : { cursor },
      );
      items.push(...page[key]);
      cursor = page['nextCursor'];
    } while (cursor !== undefined);
    const own = items.filter((item) => mine(item, pairing));
    must(own.length >= least, `${method} has what ${pairing.slug} offers`, items);
    return 'works';
  };

/**
 * All upstreams change a list at once, when the first pair asks; then each client hears of it and its
 * list shows the change, or, of a tool, which waits for an admin, has it no more. Ten changes a second
 * apart would only take longer.
 */
const announced = (kind: 'tools' | 'prompts' | 'resources') => {
  const method = `notifications/${kind}/list_changed`;
  const count = (client: RevisionClient) =>
    client.notifications.filter((note) => note.method === method).length;
  let before: Promise<Map<RevisionClient, number>> | undefined;
  const changeAll = async ({ all }: Pairing) => {
    const counts = new Map(all.map(({ client }) => [client, count(client)]));
    const once = new Map(all.map((pairing) => [pairing.slug, pairing]));
    for (const { client, slug } of once.values())
      await client.callTool(`${slug}_test_trigger_${kind.slice(0, -1)}_change`);
    return counts;
  };
  return async (pairing: Pairing): Promise<Verdict> => {
    const { client, slug } = pairing;
    const after = (await (before ??= changeAll(pairing))).get(client)!;
    await client.notified(method, { after, timeoutMs: 15_000 });
    const own = (item: Json) => `${item['uri'] ?? item['name']}`.startsWith(slug);
    const changed = (item: Json) => /changed [1-9]\d* times/.test(item['description']) && own(item);
    const changing = (item: Json) => item['name'] === `${slug}_test_changing_tool`;
    await until(async () => {
      const page: Json = await client.request(`${kind}/list`);
      must(
        kind !== 'tools' || !page[kind].some(changed),
        'shows no tool that nobody accepted',
        page,
      );
      return kind === 'tools' ? !page[kind].some(changing) : page[kind].some(changed);
    }, 15_000);
    return 'works';
  };
};

export const FEATURES: readonly Feature[] = [
  {
    name: 'tools/list, hints on every tool',
    expect: always,
    run: async (pairing) => {
      const { tools } = (await pairing.client.request('tools/list')) as { tools: Json[] };
      const own = tools.filter(({ name }) => String(name).startsWith(`${pairing.slug}_`));
      must(own.length > 10, 'its tools are listed', own);
      const hints = ['readOnlyHint', 'destructiveHint', 'openWorldHint'];
      for (const { name, annotations } of own)
        for (const hint of hints)
          must(typeof annotations?.[hint] === 'boolean', `${name} has ${hint}`, annotations);
      return 'works';
    },
  },
  {
    name: 'tools/call, text',
    expect: always,
    run: tool('test_simple_text', textIs('This is a simple text response for testing.')),
  },
  {
    name: 'image content',
    expect: always,
    run: tool('test_image_content', ({ content }) =>
      must(content[0].type === 'image' && content[0].data.length > 50, 'an image', content),
    ),
  },
  {
    name: 'audio content',
    expect: since('2025-03-26', '2025-03-26', 'converted'),
    run: tool('test_audio_content', ({ content }) => {
      if (content[0].type === 'text') return 'converted';
      must(content[0].type === 'audio', 'audio', content);
    }),
  },
  {
    name: 'embedded resource',
    expect: always,
    run: tool('test_embedded_resource', ({ content }, pairing) => {
      const { uri } = content[0].resource;
      must(uri === uriOf(pairing, 'test://embedded-resource'), 'carries its connection', content);
    }),
  },
  {
    name: 'resource link',
    expect: since('2025-06-18', '2025-06-18', 'converted'),
    run: tool('test_resource_link', ({ content }, pairing) => {
      const own = uriOf(pairing, 'test://static-text');
      if (content[0].type === 'text') {
        must(content[0].text.includes(own), 'says the link as text', content);
        return 'converted';
      }
      must(content[0].uri === own, 'carries its connection', content);
      must(content[1].uri === 'https://example.com/page', 'the web is left alone', content);
    }),
  },
  {
    name: 'structured content, output schema',
    expect: since('2025-06-18'),
    run: tool(
      'test_structured_content',
      ({ structuredContent }) => must(structuredContent?.celsius === 21.5, 'structured'),
      { city: 'Lisbon' },
    ),
  },
  {
    name: 'error result',
    expect: always,
    run: tool('test_error_handling', (result) =>
      must(result['isError'] === true, 'isError', result),
    ),
  },
  {
    name: 'progress',
    expect: always,
    run: async (pairing) => {
      const seen: number[] = [];
      await pairing.client.callTool(
        shown(pairing, 'test_tool_with_progress'),
        {},
        { onProgress: (progress) => seen.push(progress) },
      );
      must(seen.join() === '0,50,100', 'every step', seen);
      return 'works';
    },
  },
  {
    name: 'log messages',
    expect: always,
    run: async (pairing) => {
      const { client } = pairing;
      const messages = () =>
        client.notifications.filter(({ method }) => method === 'notifications/message');
      if (client.revision < '2026-07-28')
        await client.request('logging/setLevel', { level: 'debug' });
      const before = messages().length;
      await client.callTool(shown(pairing, 'test_tool_with_logging'));
      must(messages().length >= before + 3, 'three messages', messages().slice(before));
      return 'works';
    },
  },
  {
    name: 'cancellation reaches the upstream',
    expect: always,
    run: async (pairing) => {
      const { upstream, client } = pairing;
      const before = upstream.world.cancelled.length;
      const controller = new AbortController();
      const call = client.callTool(
        shown(pairing, 'test_cancellation'),
        {},
        { signal: controller.signal },
      );
      const ended = call.then(
        () => 'answered',
        () => 'given up',
      );
      await until(() =>
        upstream.world.received.some(
          ({ method, params }) => method === 'tools/call' && params['name'] === 'test_cancellation',
        ),
      );
      controller.abort('enough');
      must((await ended) === 'given up', 'the client gave up');
      await until(() => upstream.world.cancelled.length > before);
      upstream.world.received.length = 0;
      return 'works';
    },
  },
  {
    name: 'resources/list',
    expect: always,
    run: list(
      'resources/list',
      'resources',
      ({ uri }, { slug }) => uri.startsWith(`${slug}+test:`),
      4,
    ),
  },
  {
    name: 'resources/templates/list',
    expect: always,
    run: list(
      'resources/templates/list',
      'resourceTemplates',
      ({ uriTemplate }, { slug }) => uriTemplate === `${slug}+test://template/{id}/data`,
      1,
    ),
  },
  {
    name: 'resources/read',
    expect: always,
    run: async (pairing) => {
      const uri = uriOf(pairing, 'test://static-text');
      const { contents } = (await pairing.client.request('resources/read', { uri })) as Json;
      must(
        contents[0].uri === uri && contents[0].text.includes('static text'),
        'its text',
        contents,
      );
      return 'works';
    },
  },
  {
    name: 'resource that does not exist',
    expect: always,
    run: async (pairing) => {
      const uri = uriOf(pairing, 'test://nothing');
      const code = await pairing.client.request('resources/read', { uri }).then(
        () => 0,
        (error: { code: number }) => error.code,
      );
      const right = pairing.client.revision >= '2026-07-28' ? -32602 : -32002;
      must(code === right, `error ${right}`, code);
      return 'works';
    },
  },
  {
    name: 'prompts/list',
    expect: always,
    run: list(
      'prompts/list',
      'prompts',
      ({ name }, { slug }) => name.startsWith(`${slug}_test_`),
      5,
    ),
  },
  {
    name: 'prompts/get',
    expect: always,
    run: async (pairing) => {
      const name = shown(pairing, 'test_prompt_with_arguments');
      const asking = { name, arguments: { arg1: 'a', arg2: 'b' } };
      const { messages } = (await pairing.client.request('prompts/get', asking)) as Json;
      must(messages[0].content.text.includes("arg1='a', arg2='b'"), 'its message', messages);
      return 'works';
    },
  },
  {
    name: 'completion/complete',
    // The capability came with 2025-03-26; the method is older.
    expect: always,
    run: async (pairing) => {
      const { completion } = (await pairing.client.request('completion/complete', {
        ref: { type: 'ref/prompt', name: shown(pairing, 'test_prompt_with_arguments') },
        argument: { name: 'arg1', value: 'par' },
      })) as Json;
      must(completion.values.join() === 'paris,park,party', 'completions', completion);
      return 'works';
    },
  },
  {
    name: 'sampling',
    expect: always,
    run: tool(
      'test_sampling',
      asked((text) => text === 'LLM response: Paris'),
      { prompt: 'Capital?' },
    ),
  },
  {
    name: 'roots',
    expect: always,
    run: tool(
      'test_list_roots',
      asked((text) => text === 'roots: file:///home/ann'),
    ),
  },
  {
    name: 'elicitation, form',
    expect: canElicit('2025-06-18', '2025-06-18'),
    run: tool(
      'test_elicitation',
      asked((text) => text.includes('action=accept') && text.includes('ann')),
      {
        message: 'Who?',
      },
    ),
  },
  {
    name: 'elicitation, URL',
    expect: canElicit('2025-11-25', '2025-11-25'),
    run: tool(
      'test_elicitation_url',
      asked((text) => text.includes('action=accept')),
    ),
  },
  {
    name: 'several rounds of questions',
    expect: canElicit('2024-11-05', '2025-06-18'),
    run: tool(
      'test_input_required_result_multi_round',
      asked((text) => text === 'ann likes ann'),
    ),
  },
  {
    name: 'resource updates',
    expect: always,
    run: async (pairing) => {
      const { client } = pairing;
      const uri = uriOf(pairing, 'test://watched-resource');
      await client.subscribe(uri);
      const method = 'notifications/resources/updated';
      const before = client.notifications.filter((note) => note.method === method).length;
      await client.callTool(shown(pairing, 'test_trigger_resource_update'), {
        uri: 'test://watched-resource',
      });
      const note = await client.notified(method, { after: before, timeoutMs: 15_000 });
      must(note['uri'] === uri, 'names the resource as the client knows it', note);
      return 'works';
    },
  },
  {
    name: 'tools list changed',
    expect: always,
    run: announced('tools'),
  },
  {
    name: 'prompts list changed',
    expect: always,
    run: announced('prompts'),
  },
  {
    name: 'resources list changed',
    expect: always,
    run: announced('resources'),
  },
];

async function until(check: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`Not within ${timeoutMs} ms: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
