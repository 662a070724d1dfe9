import type { OutgoingCall } from '../connector.js';
import { travellingMeta } from './versions.js';

/**
 * `params` of a call as JSON text, with what was decided on in it byte for byte: the arguments of
 * tools/call and prompts/get, all of the params of other methods.
 */
export function callParams(
  call: OutgoingCall,
  id: number,
  fixedMeta: Readonly<Record<string, unknown>> | undefined,
): string {
  const head = opening(call);
  const meta = metaText(call, id, fixedMeta);
  const input = call.input === undefined ? '' : inputText(call.input);
  if (meta === undefined && input === '') return `${head}}`;
  const comma = head === '{' ? '' : ',';
  if (meta === undefined) return `${head}${comma}${input}}`;
  return `${head}${comma}${input === '' ? '' : `${input},`}"_meta":${meta}}`;
}

/** The object without its closing brace. */
function opening(call: OutgoingCall): string {
  return call.method === 'tools/call' || call.method === 'prompts/get'
    ? `{"name":${JSON.stringify(call.name)},"arguments":${call.argumentsJson}`
    : call.argumentsJson.slice(0, -1);
}

function inputText({ requestState, inputResponses }: NonNullable<OutgoingCall['input']>): string {
  const members: string[] = [];
  if (inputResponses !== undefined)
    members.push(`"inputResponses":${JSON.stringify(inputResponses)}`);
  if (requestState !== undefined) members.push(`"requestState":${JSON.stringify(requestState)}`);
  return members.join(',');
}

const FIXED = new WeakMap<object, string>();

function metaText(
  call: OutgoingCall,
  id: number,
  fixed: Readonly<Record<string, unknown>> | undefined,
): string | undefined {
  // Servers before 2026-07-28 hear of it by the HTTP header alone.
  const traceparent = fixed && call.traceparent;
  if (call.meta === undefined && !call.wantsProgress) {
    if (!fixed) return undefined;
    let text = FIXED.get(fixed);
    if (text === undefined) FIXED.set(fixed, (text = JSON.stringify(fixed)));
    return traceparent === undefined
      ? text
      : `${text.slice(0, -1)},"traceparent":${JSON.stringify(traceparent)}}`;
  }
  return JSON.stringify({
    ...travellingMeta(call.meta),
    ...fixed,
    ...(traceparent !== undefined && { traceparent }),
    ...(call.wantsProgress && { progressToken: id }),
  });
}

/** What the header `Mcp-Name` of 2026-07-28 repeats of this call: a name or a URI. */
export function namedIn(call: OutgoingCall): string | undefined {
  switch (call.method) {
    case 'tools/call':
    case 'prompts/get':
    case 'resources/read':
      return call.name;
    default:
      return undefined;
  }
}
