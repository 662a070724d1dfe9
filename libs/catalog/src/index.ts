export { canonicalJson } from './json/canonical.js';
export { parseJsonExact } from './json/parse-exact.js';
export { parseJsonStrict, JsonRefused } from './json/parse-strict.js';
export { assignShownNames, shownName } from './names.js';
export { plainName, viewNames, type NamedTool, type PrefixMode } from './view-names.js';
export { cleaned, DefinitionRefused } from './cleaned.js';
export { serverHash } from './connection/normalise-server.js';
export { readRefresh, takeOver, type ReadRefresh, type TakenOver } from './connection/take-over.js';
export { definitionChanges, type FieldChange } from './definition-changes.js';
export { definitionHash, normaliseDefinition, type ToolDefinition } from './definition.js';
export { proposeClass, stricter } from './propose-class.js';
export {
  compileArgumentsSchema,
  type ArgumentsCheck,
  type CompiledSchema,
} from './schema/compile.js';
export { stripInvisible } from './invisible.js';
