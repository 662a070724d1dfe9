import { objectSchema, type Ask } from './conformance-exchange.js';

const elicit = (message: string, requestedSchema: object): Ask => ({
  method: 'elicitation/create',
  params: { message, requestedSchema },
});

export const askFor = (message: string, property: string, type = 'string'): Ask =>
  elicit(message, objectSchema({ [property]: { type } }, [property]));

export const askModel = (prompt: string, maxTokens = 100): Ask => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens },
});

export const ASK_ROOTS: Ask = { method: 'roots/list', params: {} };

export const askForAccount = (message: string): Ask =>
  elicit(
    message,
    objectSchema(
      {
        username: { type: 'string', description: "User's response" },
        email: { type: 'string', description: "User's email address" },
      },
      ['username', 'email'],
    ),
  );

/** A default for every primitive type (SEP-1034). */
export const ASK_WITH_DEFAULTS = elicit(
  'Please review these values',
  objectSchema({
    name: { type: 'string', description: 'Name', default: 'John Doe' },
    age: { type: 'integer', description: 'Age', default: 30 },
    score: { type: 'number', description: 'Score', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', description: 'Verified', default: true },
  }),
);

/** The five ways to offer a choice (SEP-1330). */
export const ASK_WITH_CHOICES = elicit(
  'Please choose',
  objectSchema({
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: {
      type: 'string',
      oneOf: [
        { const: 'value1', title: 'First Option' },
        { const: 'value2', title: 'Second Option' },
      ],
    },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: {
      type: 'array',
      items: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    },
    titledMulti: {
      type: 'array',
      items: {
        anyOf: [
          { const: 'value1', title: 'First Choice' },
          { const: 'value2', title: 'Second Choice' },
        ],
      },
    },
  }),
);

export const ASK_AT_URL: Ask = {
  method: 'elicitation/create',
  params: {
    mode: 'url',
    message: 'Please sign in',
    url: 'https://example.com/sign-in',
    elicitationId: 'sign-in-1',
  },
};
