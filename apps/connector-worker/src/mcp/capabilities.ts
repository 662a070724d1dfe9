import type { AskMethod, ClientCapabilities } from '@conducktor/contracts';
import { isObject } from './messages.js';

/** What an upstream is told that it may ask. */
export interface Declared {
  /** The same for the same capabilities; empty when there are none. */
  readonly key: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
}

export const NOTHING: Declared = { key: '', capabilities: {} };

const UI = 'io.modelcontextprotocol/ui';
/** Settings of an extension come from the client: longer ones are left out, so that keys stay short. */
const MAX_SETTINGS = 500;
/** Few in practice; a client that invents settings must not fill the memory. */
const MAX_KNOWN = 256;

const known = new Map<string, Declared>();

/**
 * The canonical form of what a client can be asked: only what this gateway carries to and fro, so that
 * clients with the same abilities look the same to an upstream.
 */
export function declaredOf(given: ClientCapabilities | undefined): Declared {
  if (given === undefined) return NOTHING;
  const { elicitation, sampling, roots } = given;
  const capabilities: Record<string, unknown> = {};
  if (elicitation) {
    // Without a mode it means form, as it did before there were modes.
    const form = elicitation.form !== undefined || elicitation.url === undefined;
    capabilities['elicitation'] = {
      ...(form && { form: {} }),
      ...(elicitation.url && { url: {} }),
    };
  }
  if (sampling) {
    capabilities['sampling'] = {
      ...(sampling['tools'] !== undefined && { tools: {} }),
      ...(sampling['context'] !== undefined && { context: {} }),
    };
  }
  if (roots) capabilities['roots'] = {};
  const ui = given.extensions?.[UI];
  if (ui !== undefined)
    capabilities['extensions'] = { [UI]: JSON.stringify(ui).length <= MAX_SETTINGS ? ui : {} };
  const key = JSON.stringify(capabilities);
  if (key === '{}') return NOTHING;
  let declared = known.get(key);
  if (!declared) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, (declared = { key, capabilities }));
  }
  return declared;
}

/** Whether an upstream that was told `declared` may ask this. */
export function mayAsk(
  { capabilities }: Declared,
  method: string,
  params: Readonly<Record<string, unknown>>,
): method is AskMethod {
  switch (method) {
    case 'elicitation/create': {
      const modes = capabilities['elicitation'];
      const { mode = 'form' } = params;
      return isObject(modes) && (mode === 'form' || mode === 'url') && mode in modes;
    }
    case 'sampling/createMessage': {
      const sampling = capabilities['sampling'];
      const tools = params['tools'] !== undefined || params['toolChoice'] !== undefined;
      return isObject(sampling) && (!tools || 'tools' in sampling);
    }
    case 'roots/list':
      return 'roots' in capabilities;
    default:
      return false;
  }
}

/** Whether an upstream that was told this may ask anything during a call. */
export const canBeAsked = ({ capabilities }: Declared): boolean =>
  'elicitation' in capabilities || 'sampling' in capabilities || 'roots' in capabilities;
