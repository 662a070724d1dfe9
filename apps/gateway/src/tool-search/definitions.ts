import { presentTool } from '../list-tools/present-tool.js';

export const FIND_TOOLS = 'conducktr_find_tools';
export const CALL_TOOL = 'conducktr_call_tool';

export const MAX_FOUND = 20;
export const DEFAULT_FOUND = 5;

const FIND_DEFINITION = {
  title: 'Find tools',
  description: `Finds tools by words of their names, titles and descriptions, and says what arguments they take. Call what it finds by ${CALL_TOOL}.`,
  inputSchema: {
    type: 'object',
    properties: {
      query: {
        type: 'string',
        maxLength: 500,
        description: 'What the tool should do, in a few words; empty for all tools.',
      },
      limit: {
        type: 'integer',
        minimum: 1,
        maximum: MAX_FOUND,
        description: `How many to answer at most; ${DEFAULT_FOUND} if not given.`,
      },
    },
    required: ['query'],
    additionalProperties: false,
  },
  outputSchema: {
    type: 'object',
    properties: {
      tools: {
        type: 'array',
        description: 'The best first. Each as a list of tools has it.',
        items: {
          type: 'object',
          properties: {
            name: { type: 'string' },
            title: { type: 'string' },
            description: { type: 'string' },
            inputSchema: { type: 'object' },
          },
          required: ['name', 'inputSchema'],
        },
      },
      total: { type: 'integer', description: 'How many tools fit, those left out included.' },
    },
    required: ['tools', 'total'],
  },
  annotations: { openWorldHint: false, idempotentHint: true },
};

const CALL_DEFINITION = {
  title: 'Call a tool',
  description: `Calls a tool that ${FIND_TOOLS} found, with the arguments that it takes. Answers as that tool does.`,
  inputSchema: {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 256, description: `A name that ${FIND_TOOLS} answered.` },
      arguments: { type: 'object', description: 'What the inputSchema of the tool asks for.' },
    },
    required: ['name'],
    additionalProperties: false,
  },
};

/**
 * What a path of mode `search` lists. Whatever class a tool has, it can be called by the second one, so
 * its hints are those of the most dangerous; each call is decided by the tool that it names.
 */
export const SEARCH_TOOLS: readonly Record<string, unknown>[] = [
  presentTool(CALL_DEFINITION, { shownName: CALL_TOOL, class: 'destructive', scopes: [] }),
  presentTool(FIND_DEFINITION, { shownName: FIND_TOOLS, class: 'read', scopes: [] }),
];

/** Arguments of either, in the form in which schemas of tools are compiled. */
export const FIND_SCHEMA: object = FIND_DEFINITION.inputSchema;
export const CALL_SCHEMA: object = CALL_DEFINITION.inputSchema;
