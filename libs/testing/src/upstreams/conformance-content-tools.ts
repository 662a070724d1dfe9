import { objectSchema, PNG, text, WAV, type FixtureEntry } from './conformance-exchange.js';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** Tools that answer at once, one for each kind of content and schema. */
export const CONTENT_TOOLS: FixtureEntry[] = [
  {
    definition: {
      name: 'test_simple_text',
      description: 'Returns one piece of text.',
      inputSchema: objectSchema(),
      annotations: { readOnlyHint: true },
    },
    run: async () => text('This is a simple text response for testing.'),
  },
  {
    definition: {
      name: 'test_image_content',
      description: 'Returns an image.',
      inputSchema: objectSchema(),
    },
    run: async () => ({ content: [{ type: 'image', data: PNG, mimeType: 'image/png' }] }),
  },
  {
    since: '2025-03-26',
    definition: {
      name: 'test_audio_content',
      description: 'Returns audio.',
      inputSchema: objectSchema(),
    },
    run: async () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }),
  },
  {
    definition: {
      name: 'test_embedded_resource',
      description: 'Returns a resource inside its result.',
      inputSchema: objectSchema(),
    },
    run: async () => ({
      content: [
        {
          type: 'resource',
          resource: {
            uri: 'test://embedded-resource',
            mimeType: 'text/plain',
            text: 'This is an embedded resource content.',
          },
        },
      ],
    }),
  },
  {
    since: '2025-06-18',
    definition: {
      name: 'test_resource_link',
      description: 'Returns links to a resource of its own and to a page of the web.',
      inputSchema: objectSchema(),
    },
    run: async () => ({
      content: [
        { type: 'resource_link', uri: 'test://static-text', name: 'static text' },
        { type: 'resource_link', uri: 'https://example.com/page', name: 'page' },
      ],
    }),
  },
  {
    definition: {
      name: 'test_multiple_content_types',
      description: 'Returns text, an image and a resource.',
      inputSchema: objectSchema(),
    },
    run: async () => ({
      content: [
        { type: 'text', text: 'Multiple content types test:' },
        { type: 'image', data: PNG, mimeType: 'image/png' },
        {
          type: 'resource',
          resource: {
            uri: 'test://mixed-content-resource',
            mimeType: 'application/json',
            text: JSON.stringify({ test: 'data', value: 123 }),
          },
        },
      ],
    }),
  },
  {
    definition: {
      name: 'test_error_handling',
      description: 'Answers with an error result.',
      inputSchema: objectSchema(),
    },
    run: async () => ({
      ...text('This tool intentionally returns an error for testing'),
      isError: true,
    }),
  },
  {
    since: '2025-06-18',
    definition: {
      name: 'test_structured_content',
      title: 'Structured content',
      description: 'Returns structured content that fits its output schema.',
      inputSchema: objectSchema({ city: { type: 'string' } }, ['city']),
      outputSchema: objectSchema({ city: { type: 'string' }, celsius: { type: 'number' } }, [
        'city',
        'celsius',
      ]),
    },
    run: async ({ city }) => {
      const structuredContent = { city: String(city), celsius: 21.5 };
      return { ...text(JSON.stringify(structuredContent)), structuredContent };
    },
  },
  {
    since: '2025-11-25',
    definition: {
      name: 'json_schema_2020_12_tool',
      description: 'Has a schema that needs the 2020-12 dialect.',
      inputSchema: {
        $schema: DIALECT,
        type: 'object',
        $defs: {
          address: {
            $anchor: 'addressDef',
            type: 'object',
            properties: { street: { type: 'string' }, city: { type: 'string' } },
          },
        },
        properties: {
          name: { type: 'string' },
          address: { $ref: '#/$defs/address' },
          contactMethod: { type: 'string', enum: ['phone', 'email'] },
          phone: { type: 'string' },
          email: { type: 'string' },
        },
        allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
        if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
        // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
        then: { required: ['phone'] },
        else: { required: ['email'] },
        additionalProperties: false,
      },
    },
    run: async (args) => text(`received ${JSON.stringify(args)}`),
  },
  {
    // To a server of an older revision the annotation is a keyword it does not know.
    definition: {
      name: 'test_header_parameter',
      description: 'Wants one of its arguments in a header as well (SEP-2243).',
      inputSchema: objectSchema({ region: { type: 'string', 'x-mcp-header': 'Region' } }),
    },
    run: async ({ region }) => text(`region ${String(region)}`),
  },
];
