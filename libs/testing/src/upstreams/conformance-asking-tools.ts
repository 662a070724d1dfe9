import {
  ASK_AT_URL,
  ASK_ROOTS,
  ASK_WITH_CHOICES,
  ASK_WITH_DEFAULTS,
  askFor,
  askForAccount,
  askModel,
} from './conformance-elicitations.js';
import {
  Asking,
  objectSchema,
  text,
  type Ask,
  type Exchange,
  type FixtureEntry,
} from './conformance-exchange.js';

/** The answer to an elicitation, or undefined when there is none of that shape. */
function elicited(answers: Exchange['answers'], key: string) {
  const answer = answers[key] as { action?: unknown; content?: unknown } | undefined;
  if (typeof answer !== 'object' || answer === null || typeof answer.action !== 'string') {
    return undefined;
  }
  return { action: answer.action, content: (answer.content ?? {}) as Record<string, unknown> };
}

function sampled(answers: Exchange['answers'], key: string): string | undefined {
  const content = (answers[key] as { content?: { text?: string } } | undefined)?.content;
  return content?.text;
}

const describe = (action: string, content: object) =>
  `action=${action}, content=${JSON.stringify(content)}`;

/** Asks one question and says what came back. */
const asking = (
  name: string,
  description: string,
  key: string,
  ask: (args: Record<string, unknown>) => Ask,
  more: Partial<FixtureEntry> & { inputSchema?: object } = {},
): FixtureEntry => ({
  ...(more.since && { since: more.since }),
  definition: { name, description, inputSchema: more.inputSchema ?? objectSchema() },
  run: async (args, { answers }) => {
    const answer = elicited(answers, key);
    if (!answer) return new Asking({ [key]: ask(args) });
    return text(`Elicitation completed: ${describe(answer.action, answer.content)}`);
  },
});

/** Tools that cannot answer before the client has: by its person, its model or its roots. */
export const ASKING_TOOLS: FixtureEntry[] = [
  {
    definition: {
      name: 'test_sampling',
      description: "Asks the client's model.",
      inputSchema: objectSchema({ prompt: { type: 'string' } }, ['prompt']),
    },
    run: async ({ prompt }, { answers }) => {
      const answer = sampled(answers, 'completion');
      if (answer === undefined) return new Asking({ completion: askModel(String(prompt)) });
      return text(`LLM response: ${answer}`);
    },
  },
  asking(
    'test_elicitation',
    'Asks the person for an account.',
    'account',
    ({ message }) => askForAccount(String(message)),
    {
      since: '2025-06-18',
      inputSchema: objectSchema({ message: { type: 'string' } }, ['message']),
    },
  ),
  asking(
    'test_elicitation_sep1034_defaults',
    'Asks with a default for every type.',
    'values',
    () => ASK_WITH_DEFAULTS,
    { since: '2025-11-25' },
  ),
  asking(
    'test_elicitation_sep1330_enums',
    'Asks with every kind of choice.',
    'choices',
    () => ASK_WITH_CHOICES,
    { since: '2025-11-25' },
  ),
  asking('test_elicitation_url', 'Sends the person to a page.', 'page', () => ASK_AT_URL, {
    since: '2025-11-25',
  }),
  asking('test_streaming_elicitation', 'Asks the person.', 'user_name', () =>
    askFor('What is your name?', 'name'),
  ),
  {
    definition: {
      name: 'test_list_roots',
      description: "Asks for the client's roots.",
      inputSchema: objectSchema(),
    },
    run: async (_args, { answers }) => {
      const answer = answers.client_roots as { roots?: { uri: string }[] } | undefined;
      if (!Array.isArray(answer?.roots)) return new Asking({ client_roots: ASK_ROOTS });
      return text(`roots: ${answer.roots.map(({ uri }) => uri).join(', ')}`);
    },
  },
];
