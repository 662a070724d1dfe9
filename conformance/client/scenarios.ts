import type { ClientCapabilities } from '@conducktor/contracts';
import type { Tool, Upstream } from './upstream.ts';

interface Context {
  toolCalls?: { name: string; arguments: Record<string, unknown> }[];
}

type Play = (upstream: Upstream, context: Context) => Promise<void>;

/** What the client side does in each scenario of the suite that is not about authorization. */
export const SCENARIOS: Record<string, Play> = {
  initialize: async (upstream) => void (await upstream.tools()),

  tools_call: async (upstream) => {
    await upstream.tools();
    await upstream.call('tools/call', 'add_numbers', { a: 5, b: 3 });
  },

  'elicitation-sep1034-client-defaults': async (upstream) => {
    await upstream.tools();
    await upstream.call(
      'tools/call',
      'test_client_elicitation_defaults',
      {},
      {
        capabilities: { elicitation: { form: {} } },
        answer: (_method, params) => ({
          result: { action: 'accept', content: defaultsOf(params['requestedSchema']) },
        }),
      },
    );
  },

  'sse-retry': async (upstream) => {
    await upstream.tools();
    await upstream.call('tools/call', 'test_reconnection', {});
  },

  'request-metadata': async (upstream) => {
    await upstream.tools();
    const capabilities: ClientCapabilities = {
      elicitation: { form: {}, url: {} },
      sampling: {},
      roots: {},
    };
    await upstream.call('tools/call', 'any', {}, { capabilities });
  },

  'sep-2322-client-request-state': async (upstream) => {
    await upstream.tools();
    const capabilities: ClientCapabilities = { elicitation: { form: {} } };
    const call = (name: string) => upstream.call('tools/call', name, {}, { capabilities });
    for (const name of ['test_mrtr_echo_state', 'test_mrtr_no_state']) {
      const { resultJson } = await call(name);
      await call('test_mrtr_unrelated');
      const { resultType, requestState, inputRequests } = JSON.parse(resultJson!);
      if (resultType !== 'input_required') throw new Error(`${name} asked for nothing.`);
      const accepted = { action: 'accept', content: { confirmed: true } };
      const inputResponses = Object.fromEntries(
        Object.keys(inputRequests).map((key) => [key, accepted]),
      );
      const input = { inputResponses, ...(requestState !== undefined && { requestState }) };
      await upstream.call('tools/call', name, {}, { capabilities, input });
    }
    await call('test_mrtr_no_result_type');
  },

  'http-standard-headers': async (upstream) => {
    for (const { name } of await upstream.tools()) await upstream.call('tools/call', name, {});
    const resources = await upstream.call('resources/list', '', {});
    for (const { uri } of JSON.parse(resources.resultJson!).resources)
      await upstream.call('resources/read', uri, { uri });
    const prompts = await upstream.call('prompts/list', '', {});
    for (const { name } of JSON.parse(prompts.resultJson!).prompts)
      await upstream.call('prompts/get', name, {});
  },

  'http-custom-headers': async (upstream, { toolCalls = [] }) => {
    await upstream.tools();
    for (const call of toolCalls) await upstream.call('tools/call', call.name, call.arguments);
  },

  'http-invalid-tool-headers': async (upstream) => {
    for (const tool of await upstream.tools())
      await upstream.call('tools/call', tool.name, exampleOf(tool));
  },

  'json-schema-ref-no-deref': async (upstream) => void (await upstream.tools()),

  'json-schema-2020-12-preservation': async (upstream) => {
    const tools = await upstream.tools();
    const focal = tools.find(({ name }) => name === 'json_schema_2020_12_tool');
    await upstream.call('tools/call', 'json_schema_echo', { schema: focal!.inputSchema });
  },
};

/** What a person accepts who changes nothing in the form. */
function defaultsOf(schema: unknown): Record<string, unknown> {
  const { properties = {} } = schema as { properties?: Record<string, { default?: unknown }> };
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, field]) =>
      field.default === undefined ? [] : [[name, field.default]],
    ),
  );
}

function exampleOf({ inputSchema }: Tool): Record<string, unknown> {
  const { required } = inputSchema as { required?: string[] };
  return Object.fromEntries((required ?? []).map((name) => [name, 'us-west1']));
}
