import { askFor } from './conformance-elicitations.js';
import { Asking, PNG, type Exchange, type Outcome } from './conformance-exchange.js';
import { RpcError } from './fixture-tools.js';

const user = (content: object) => ({ role: 'user', content });
const words = (text: string) => user({ type: 'text', text });

const ARGUMENTS = [
  { name: 'arg1', description: 'First test argument', required: true },
  { name: 'arg2', description: 'Second test argument', required: true },
];
const COMPLETIONS = ['paris', 'park', 'party', 'test'];

/** The prompts to list; the description of one of them tells how often the list was changed. */
export function listPrompts({ world }: Pick<Exchange, 'world'>): Record<string, unknown>[] {
  return [
    { name: 'test_simple_prompt', description: 'A prompt without arguments.' },
    { name: 'test_prompt_with_arguments', description: 'Two arguments.', arguments: ARGUMENTS },
    {
      name: 'test_prompt_with_embedded_resource',
      description: 'A prompt with a resource in it.',
      arguments: [{ name: 'resourceUri', description: 'What to embed', required: true }],
    },
    { name: 'test_prompt_with_image', description: 'A prompt with an image in it.' },
    { name: 'test_input_required_result_prompt', description: 'A prompt that asks first.' },
    {
      name: 'test_changing_prompt',
      description: `The list was changed ${world.changes.prompts} times.`,
    },
  ];
}

/** @throws RpcError -32602 when there is none of that name. */
export async function getPrompt(
  name: string,
  args: Record<string, unknown>,
  { answers }: Exchange,
): Promise<Outcome> {
  switch (name) {
    case 'test_simple_prompt':
    case 'test_changing_prompt':
      return { messages: [words('This is a simple prompt for testing.')] };
    case 'test_prompt_with_arguments':
      return {
        messages: [
          words(`Prompt with arguments: arg1='${String(args.arg1)}', arg2='${String(args.arg2)}'`),
        ],
      };
    case 'test_prompt_with_embedded_resource': {
      const resource = {
        uri: String(args.resourceUri),
        mimeType: 'text/plain',
        text: 'Embedded resource content for testing.',
      };
      return {
        messages: [
          user({ type: 'resource', resource }),
          words('Please process the embedded resource above.'),
        ],
      };
    }
    case 'test_prompt_with_image':
      return {
        messages: [
          user({ type: 'image', data: PNG, mimeType: 'image/png' }),
          words('Please analyze the image above.'),
        ],
      };
    case 'test_input_required_result_prompt': {
      const answer = answers.user_context as { content?: { context?: string } } | undefined;
      if (answer === undefined) {
        const ask = askFor('What context should the prompt use?', 'context');
        return new Asking({ user_context: ask });
      }
      return { messages: [words(`Context: ${answer.content?.context ?? 'none'}`)] };
    }
    default:
      throw new RpcError(-32602, `Unknown prompt: ${name}`);
  }
}

/** Completions for any argument: the words that begin with what is there. */
export function complete(value: string): Record<string, unknown> {
  const values = COMPLETIONS.filter((word) => word.startsWith(value));
  return { completion: { values, total: values.length, hasMore: false } };
}
