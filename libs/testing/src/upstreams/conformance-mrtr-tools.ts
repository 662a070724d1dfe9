import { ASK_ROOTS, askFor, askModel } from './conformance-elicitations.js';
import { Asking, objectSchema, text, type FixtureEntry } from './conformance-exchange.js';
import { RpcError } from './fixture-tools.js';

type Elicited = { action?: string; content?: Record<string, unknown> } | undefined;

const accepted = (answer: unknown, key: string): string | undefined => {
  const { action, content } = (answer ?? {}) as NonNullable<Elicited>;
  return action === 'accept' && content?.[key] !== undefined ? String(content[key]) : undefined;
};

const tool = (name: string, description: string, run: FixtureEntry['run']): FixtureEntry => ({
  definition: { name: `test_${name}`, description, inputSchema: objectSchema() },
  run,
});

const ASK_NAME = askFor('What is your name?', 'name');
const ASK_CONFIRM = askFor('Please confirm', 'ok', 'boolean');

/** The names that the suite tests multi round-trip requests with (SEP-2322). */
export const MRTR_TOOLS: FixtureEntry[] = [
  tool('input_required_result_elicitation', 'Asks for a name.', async (_args, { answers }) => {
    const name = accepted(answers.user_name, 'name');
    if (name !== undefined) return text(`Hello, ${name}!`);
    // A person who says no is not asked again.
    const { action } = (answers.user_name ?? {}) as NonNullable<Elicited>;
    if (action === 'decline' || action === 'cancel') return text('Hello, whoever you are!');
    return new Asking({ user_name: ASK_NAME });
  }),
  tool('input_required_result_sampling', 'Asks the model.', async (_args, { answers }) => {
    const answer = answers.capital_question as { content?: { text?: string } } | undefined;
    if (typeof answer?.content?.text === 'string') return text(answer.content.text);
    return new Asking({ capital_question: askModel('What is the capital of France?') });
  }),
  tool('input_required_result_list_roots', 'Asks for roots.', async (_args, { answers }) => {
    const answer = answers.client_roots as { roots?: { uri: string }[] } | undefined;
    if (!Array.isArray(answer?.roots)) return new Asking({ client_roots: ASK_ROOTS });
    return text(`roots: ${answer.roots.map(({ uri }) => uri).join(', ')}`);
  }),
  tool('input_required_result_request_state', 'Keeps state.', async (_args, exchange) => {
    const confirmed = accepted(exchange.answers.confirm, 'ok');
    if (confirmed === undefined || exchange.state !== 'expected') {
      return new Asking({ confirm: ASK_CONFIRM }, 'expected');
    }
    return text('state-ok');
  }),
  tool('input_required_result_tampered_state', 'Keeps signed state.', async (_args, exchange) => {
    const confirmed = accepted(exchange.answers.confirm, 'ok');
    if (confirmed === undefined || exchange.state !== 'signed') {
      return new Asking({ confirm: ASK_CONFIRM }, 'signed');
    }
    return text('state-ok');
  }),
  tool('input_required_result_multiple_inputs', 'Asks three ways.', async (_args, exchange) => {
    const { user_name: name, greeting, client_roots: roots } = exchange.answers;
    if (name === undefined || greeting === undefined || roots === undefined) {
      return new Asking(
        {
          user_name: ASK_NAME,
          greeting: askModel('Generate a greeting', 50),
          client_roots: ASK_ROOTS,
        },
        'all three',
      );
    }
    return text(`Thank you, ${accepted(name, 'name') ?? 'whoever you are'}`);
  }),
  tool('input_required_result_multi_round', 'Asks twice.', async (_args, { answers, state }) => {
    const { name } = (state ?? {}) as { name?: string };
    const color = accepted(answers.step2, 'color');
    if (name !== undefined && color !== undefined) return text(`${name} likes ${color}`);
    const given = name ?? accepted(answers.step1, 'name');
    if (given === undefined) {
      return new Asking({ step1: askFor('Step 1: What is your name?', 'name') }, { round: 1 });
    }
    const ask = askFor('Step 2: What is your favorite color?', 'color');
    return new Asking({ step2: ask }, { round: 2, name: given });
  }),
  tool('input_required_result_capabilities', 'Asks what it may.', async (_args, exchange) => {
    const { answers, capabilities } = exchange;
    if (Object.keys(answers).length > 0) return text('answered');
    const asks = {
      ...(capabilities.elicitation !== undefined && { user_name: ASK_NAME }),
      ...(capabilities.sampling !== undefined && { greeting: askModel('Generate a greeting') }),
    };
    return Object.keys(asks).length > 0 ? new Asking(asks) : text('nothing to ask');
  }),
  tool('missing_capability', 'Needs a client that samples.', async (_args, exchange) => {
    const { answers, capabilities, revision } = exchange;
    if (capabilities.sampling === undefined) {
      // Revisions before 2026-07-28 have no code of their own for it.
      if (revision < '2026-07-28')
        return { ...text('Client does not support sampling'), isError: true };
      throw new RpcError(-32021, 'This tool needs sampling', {
        requiredCapabilities: { sampling: {} },
      });
    }
    if (answers.greeting !== undefined) return text('sampled');
    return new Asking({ greeting: askModel('Generate a greeting') });
  }),
];
