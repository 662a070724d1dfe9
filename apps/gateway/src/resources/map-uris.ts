/** What an upstream's URI is called on the other side. */
export type UriMap = (uri: string) => string;

type Fields = Record<string, unknown>;

/**
 * Writes every URI in an upstream's result as clients know it, in place: resource links and embedded
 * resources of tool results and prompt messages, the contents of a read, UI references of `_meta`, the
 * messages of questions. Text and structured content are the upstream's words and stay as they are.
 */
export function mapResultUris(result: Fields, map: UriMap): void {
  for (const block of arrayOf(result['content'])) mapBlock(block, map);
  for (const contents of arrayOf(result['contents'])) mapField(contents, 'uri', map);
  for (const message of arrayOf(result['messages'])) mapMessage(message, map);
  const questions = result['inputRequests'];
  if (isObject(questions))
    for (const question of Object.values(questions)) mapQuestionUris(question, map);
  const meta = result['_meta'];
  if (isObject(meta)) result['_meta'] = mapUiReferences(meta, map);
}

/** The same in the params of a question: what is sampled may hold results of tools. In place. */
export function mapQuestionUris(question: unknown, map: UriMap): void {
  const params = isObject(question) ? question['params'] : undefined;
  if (!isObject(params)) return;
  for (const message of arrayOf(params['messages'])) mapMessage(message, map);
}

/** Where a tool's `_meta` names its UI (MCP Apps, its earlier draft, ChatGPT). Returns a copy if it does. */
export function mapUiReferences(meta: Fields, map: UriMap): Fields {
  let mapped = meta;
  for (const field of ['ui/resourceUri', 'openai/outputTemplate']) {
    const uri = meta[field];
    if (typeof uri === 'string') mapped = { ...mapped, [field]: map(uri) };
  }
  const ui = meta['ui'];
  if (isObject(ui) && typeof ui['resourceUri'] === 'string')
    mapped = { ...mapped, ui: { ...ui, resourceUri: map(ui['resourceUri']) } };
  return mapped;
}

function mapMessage(message: unknown, map: UriMap): void {
  const content = isObject(message) ? message['content'] : undefined;
  if (Array.isArray(content)) for (const block of content) mapBlock(block, map);
  else mapBlock(content, map);
}

function mapBlock(block: unknown, map: UriMap): void {
  if (!isObject(block)) return;
  if (block['type'] === 'resource_link') mapField(block, 'uri', map);
  else if (block['type'] === 'resource') mapField(block['resource'], 'uri', map);
  // The result of a tool inside a message has content of its own (2025-11-25), never nested deeper.
  else if (block['type'] === 'tool_result')
    for (const inner of arrayOf(block['content']))
      if (isObject(inner) && inner['type'] !== 'tool_result') mapBlock(inner, map);
}

function mapField(holder: unknown, field: string, map: UriMap): void {
  if (isObject(holder) && typeof holder[field] === 'string') holder[field] = map(holder[field]);
}

function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
